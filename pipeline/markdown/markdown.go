// Package markdown writes the Markdown of reports and pages. What strangers wrote is text
// in it: neither Markdown nor HTML, and it moves no terminal's cursor.
package markdown

import (
	"strconv"
	"strings"
)

// A Page is Markdown in the making. The zero value is an empty page.
type Page struct{ strings.Builder }

// Table begins a table with these columns.
func (p *Page) Table(columns ...string) {
	p.Row(columns...)
	p.WriteString("|" + strings.Repeat("---|", len(columns)) + "\n")
}

// Row adds a row of texts.
func (p *Page) Row(texts ...string) {
	for i, text := range texts {
		texts[i] = Cell(text)
	}
	p.RawRow(texts...)
}

// RawRow adds a row of cells that are Markdown.
func (p *Page) RawRow(cells ...string) {
	for _, cell := range cells {
		p.WriteString("| " + cell + " ")
	}
	p.WriteString("|\n")
}

// Cell is a text that stands in one cell of a table.
func Cell(text string) string {
	text = Printable(strings.Join(strings.Fields(text), " "))
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'", "[", `\[`).Replace(text)
}

// Code is a text as code, line by line: nobody whom it names is told of it. It may stand in a
// cell of a table and in a list.
func Code(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, "`"+strings.NewReplacer("|", `\|`, "`", "'").Replace(Printable(line))+"`")
		}
	}
	return strings.Join(lines, "<br>")
}

// Block is a text as a block of code: nothing in it is Markdown.
func Block(text string) string { return "    " + Indented(text) + "\n" }

// Indented is a text for a terminal, whose lines after the first are indented.
func Indented(text string) string {
	var lines []string
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		lines = append(lines, Printable(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")))
	}
	return strings.Join(lines, "\n    ")
}

// Printable keeps a line from moving the cursor of a terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

// Count is a number of things by their noun: 1 night, 2 repositories.
func Count(n int, noun string) string {
	if n != 1 {
		if stem, ok := strings.CutSuffix(noun, "y"); ok {
			noun = stem + "ies"
		} else {
			noun += "s"
		}
	}
	return strconv.Itoa(n) + " " + noun
}
