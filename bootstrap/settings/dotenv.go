package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxDotenvBytes is the largest .env file.
const maxDotenvBytes = 1 << 20

// dotenv is the content of a .env file.
type dotenv struct {
	values map[string]string
	// lines are the lines of the names, from 1.
	lines map[string]int
	// problems name the lines that are wrong, without their content.
	problems []string
}

// readDotenv reads a .env file, which may be missing. Its form is that of python-dotenv
// without expansion: lines NAME=VALUE, with an optional "export "; comments begin with #, in
// a value after a space. A value may be quoted and then has any characters, also line
// breaks: in single quotes as they are, in double quotes with the escapes \n, \r, \t, \" and
// \\. A "$" is a character like others. Of a name that is given twice the last value holds.
func readDotenv(path string) (dotenv, error) {
	text, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return dotenv{}, nil
	}
	if err != nil {
		return dotenv{}, err
	}
	text = strings.TrimPrefix(text, "\uFEFF")
	p := dotenvParser{
		rest: strings.ReplaceAll(text, "\r\n", "\n"), line: 1,
		file: dotenv{values: map[string]string{}, lines: map[string]int{}},
	}
	for p.rest != "" {
		at := p.line
		if err := p.next(); err != nil {
			p.file.problems = append(p.file.problems, fmt.Sprintf("%s line %d: %v", path, at, err))
			p.takeLine()
		}
	}
	return p.file, nil
}

func readBounded(path string) (string, error) {
	if path == "" {
		return "", fs.ErrNotExist
	}
	file, err := os.Open(path) //nolint:gosec // the caller names the file
	if err != nil {
		return "", fmt.Errorf("read settings: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, maxDotenvBytes+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read settings: %w", err)
	case len(text) > maxDotenvBytes:
		return "", fmt.Errorf("read settings: %s is larger than 1 MiB", path)
	}
	return string(text), nil
}

// dotenvParser reads a file from its start.
type dotenvParser struct {
	rest string
	line int
	file dotenv
}

// next reads the next line, or a value over several lines.
func (p *dotenvParser) next() error {
	line, _, _ := strings.Cut(p.rest, "\n")
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		p.takeLine()
		return nil
	}
	name, _, found := strings.Cut(line, "=")
	if after, exported := strings.CutPrefix(name, "export "); exported {
		name = after
	}
	name = strings.TrimSpace(name)
	if !found || !isName(name) {
		return errors.New("must be NAME=value, a comment or empty")
	}
	at := p.line
	p.rest = p.rest[strings.IndexByte(p.rest, '=')+1:]
	p.rest = strings.TrimLeft(p.rest, " \t")
	value, err := p.value()
	if err != nil {
		return err
	}
	p.file.values[name], p.file.lines[name] = value, at
	return nil
}

func isName(text string) bool {
	if text == "" || '0' <= text[0] && text[0] <= '9' {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// takeLine removes the rest of the line, and returns it.
func (p *dotenvParser) takeLine() string {
	line, rest, _ := strings.Cut(p.rest, "\n")
	p.rest = rest
	p.line++
	return line
}

// value reads a value and the rest of its line.
func (p *dotenvParser) value() (string, error) {
	if p.rest == "" || p.rest[0] != '"' && p.rest[0] != '\'' {
		value := p.takeLine()
		for i := range value {
			if value[i] == '#' && (i == 0 || value[i-1] == ' ' || value[i-1] == '\t') {
				value = value[:i]
				break
			}
		}
		return strings.TrimSpace(value), nil
	}
	value, length, closed := unquote(p.rest)
	if !closed {
		return "", errors.New("the quote that begins the value is not closed")
	}
	after, _, _ := strings.Cut(p.rest[length:], "\n")
	if after = strings.TrimSpace(after); after != "" && after[0] != '#' {
		return "", errors.New("only a comment may follow the closing quote")
	}
	p.line += strings.Count(p.rest[:length], "\n")
	p.rest = p.rest[length:]
	p.takeLine()
	return value, nil
}

// unquote returns the value of a text that begins with a quote, and the length of its
// quoted form.
func unquote(text string) (value string, length int, closed bool) {
	quote := text[0]
	escapes := map[byte]byte{'\\': '\\', quote: quote}
	if quote == '"' {
		escapes['n'], escapes['r'], escapes['t'] = '\n', '\r', '\t'
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return b.String(), i + 1, true
		case c == '\\' && i+1 < len(text) && escapes[text[i+1]] != 0:
			i++
			b.WriteByte(escapes[text[i]])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}
