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
	text = strings.Join(strings.Fields(Printable(text)), " ")
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'", "[", `\[`).Replace(text)
}

// Code is a text as code: nobody whom it names is told of it.
func Code(text string) string { return "`" + Cell(text) + "`" }

// Printable keeps a text from moving the cursor of a terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
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
