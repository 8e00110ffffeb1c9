package settings

import (
	"fmt"
	"reflect"
	"strings"
)

// Field describes one setting.
type Field struct {
	Name    string
	Default string
	Group   string
	Doc     string
	Allowed string
	// Secret settings are never shown.
	Secret bool

	member string
}

// Fields describes every setting, in the order in which they are documented.
func Fields() []Field {
	t := reflect.TypeFor[Settings]()
	fields := make([]Field, t.NumField())
	for i := range fields {
		f := t.Field(i)
		fields[i] = Field{
			Name:    f.Tag.Get("env"),
			Default: f.Tag.Get("envDefault"),
			Group:   f.Tag.Get("group"),
			Doc:     f.Tag.Get("doc"),
			Allowed: f.Tag.Get("allowed"),
			Secret:  f.Tag.Get("secret") == "true",
			member:  f.Name,
		}
	}
	return fields
}

func describeField(member string) Field {
	for _, f := range Fields() {
		if f.member == member {
			return f
		}
	}
	panic("settings: no field " + member)
}

// Markdown returns the settings as a table for the README.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| variable | default | what for | allowed |\n|---|---|---|---|\n")
	for _, f := range Fields() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, quoted(f.Default), f.Doc, f.Allowed)
	}
	return b.String()
}

// EnvTemplate returns the settings as a commented .env file.
func EnvTemplate() string {
	var b strings.Builder
	b.WriteString("# Every setting, with its default. Copy to .env and uncomment what you change.\n")
	group := ""
	for _, f := range Fields() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&b, "\n# --- %s ---\n", group)
		}
		fmt.Fprintf(&b, "\n# %s.\n# Allowed: %s\n# %s=%s\n", f.Doc, f.Allowed, f.Name, f.Default)
	}
	return b.String()
}

func quoted(text string) string {
	if text == "" {
		return "unset"
	}
	return "`" + text + "`"
}
