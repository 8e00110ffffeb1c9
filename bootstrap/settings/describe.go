package settings

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/signalbox-hq/signalbox/ports"
)

// Field describes one setting.
type Field struct {
	Name    string
	Default string
	Group   string
	Doc     string
	Allowed string
	// Secret settings are redacted in errors.
	Secret bool
}

// Fields describes every setting, those of the modules' topics included, in the order
// in which they are documented.
func Fields(topics []ports.TopicSetting) []Field {
	var fields []Field
	for f := range reflect.TypeFor[Settings]().Fields() {
		if f.Tag.Get("topics") == "" {
			fields = append(fields, fieldOf(f))
			continue
		}
		for _, t := range topics {
			fields = append(fields, describeTopic(t))
		}
	}
	return fields
}

func fieldOf(f reflect.StructField) Field {
	return Field{
		Name:    f.Tag.Get("env"),
		Default: f.Tag.Get("envDefault"),
		Group:   f.Tag.Get("group"),
		Doc:     f.Tag.Get("doc"),
		Allowed: f.Tag.Get("allowed"),
		Secret:  f.Tag.Get("secret") == "true",
	}
}

func describeField(name string) Field {
	f, found := reflect.TypeFor[Settings]().FieldByName(name)
	if !found {
		panic("settings: no field " + name)
	}
	return fieldOf(f)
}

// describeTopic describes the setting of a module's topic.
func describeTopic(t ports.TopicSetting) Field {
	f := describeField("KafkaTopics")
	f.Name, f.Default, f.Doc = t.Name, t.Default, t.Doc
	return f
}

// Markdown returns the settings as a table for the README.
func Markdown(topics []ports.TopicSetting) string {
	var b strings.Builder
	b.WriteString("| variable | default | purpose | allowed |\n|---|---|---|---|\n")
	for _, f := range Fields(topics) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, quoted(f.Default), f.Doc, f.Allowed)
	}
	return b.String()
}

// EnvTemplate returns the settings as a commented .env file.
func EnvTemplate(topics []ports.TopicSetting) string {
	var b strings.Builder
	b.WriteString("# Every setting, with its default. Copy to .env and uncomment what you change.\n")
	group := ""
	for _, f := range Fields(topics) {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&b, "\n# --- %s ---\n", group)
		}
		fmt.Fprintf(&b, "\n# %s.\n# Allowed: %s\n# %s=%s\n", f.Doc, f.Allowed, f.Name, f.Default)
		if f.Secret {
			fmt.Fprintf(&b, "# Or the path of a file with it:\n# %s%s=\n", f.Name, fileSuffix)
		}
	}
	return b.String()
}

func quoted(value string) string {
	if value == "" {
		return "unset"
	}
	return "`" + value + "`"
}
