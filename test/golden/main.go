package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/bootstrap"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/ports"
)

// Marks in README.md between which the table of settings stands.
const (
	begin = "<!-- settings:begin -->\n"
	end   = "<!-- settings:end -->"
)

func main() {
	topics := bootstrap.Descriptors().Topics()
	if err := errors.Join(rewriteSchemas(), rewriteReadme("README.md", topics), write("env.template", settings.EnvTemplate(topics))); err != nil {
		fmt.Fprintln(os.Stderr, "golden:", err)
		os.Exit(1)
	}
}

func rewriteReadme(name string, topics []ports.TopicSetting) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("rewrite the settings: %w", err)
	}
	before, rest, opened := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		return fmt.Errorf("rewrite the settings: %s lacks the marks %q and %q", name, begin, end)
	}
	return write(name, before+begin+settings.Markdown(topics)+end+after)
}

// rewriteSchemas writes the JSON Schemas of the modules' messages.
func rewriteSchemas() error {
	for _, m := range bootstrap.Descriptors() {
		text, err := relay.Schema(m)
		if err != nil {
			return err
		}
		if err := write("docs/events/"+m.Schema.Name+".schema.json", string(text)); err != nil {
			return err
		}
	}
	return nil
}

func write(name, text string) error {
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		return fmt.Errorf("rewrite: %w", err)
	}
	return nil
}
