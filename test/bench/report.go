package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// result has one row's figures. Ceiling and Ratio are null if there is no ceiling.
type result struct {
	Name    string   `json:"name"`
	Value   float64  `json:"value"`
	Unit    string   `json:"unit"`
	Ceiling *float64 `json:"ceiling"`
	Ratio   *float64 `json:"ratio"`
	Goal    string   `json:"goal"`
	met     string
}

// printer prints results one by one.
type printer interface {
	begin()
	print(r result) error
	end() error
}

func newPrinter(asJSON bool, out io.Writer) printer {
	if asJSON {
		return jsonPrinter{json.NewEncoder(out)}
	}
	return tablePrinter{tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)}
}

// jsonPrinter prints one object per line, each as soon as it is measured.
type jsonPrinter struct{ encoder *json.Encoder }

func (jsonPrinter) begin() {}

func (p jsonPrinter) print(r result) error {
	if err := p.encoder.Encode(r); err != nil {
		return fmt.Errorf("print %s: %w", r.Name, err)
	}
	return nil
}

func (jsonPrinter) end() error { return nil }

// tablePrinter prints a Markdown table of all rows at the end.
type tablePrinter struct{ w *tabwriter.Writer }

// tableHead is printed by begin; end reports a failure.
const tableHead = `| row	| value	| unit	| ceiling	| ratio	| goal	| met	|
|---	|---	|---	|---	|---	|---	|---	|
`

func (p tablePrinter) begin() { _, _ = fmt.Fprint(p.w, tableHead) }

func (p tablePrinter) print(r result) error {
	_, err := fmt.Fprintf(p.w, "| %s\t| %s\t| %s\t| %s\t| %s\t| %s\t| %s\t|\n",
		r.Name, figure(&r.Value), r.Unit, figure(r.Ceiling), hundredths(r.Ratio), r.Goal, r.met)
	if err != nil {
		return fmt.Errorf("print %s: %w", r.Name, err)
	}
	return nil
}

func (p tablePrinter) end() error {
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

// figure formats at least three digits.
func figure(f *float64) string {
	switch {
	case f == nil:
		return ""
	case *f >= 100:
		return strconv.FormatFloat(*f, 'f', 0, 64)
	}
	return strconv.FormatFloat(*f, 'f', 1, 64)
}

func hundredths(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', 2, 64)
}
