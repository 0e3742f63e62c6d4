package markdown

import "testing"

func TestPage(t *testing.T) {
	var p Page
	p.Table("a", "b")
	p.Row("x | <y>\n`z`\x1b[1m", "[link](http://example.org)")
	p.RawRow("**x**", Code("@jane"))
	const want = "| a | b |\n|---|---|\n| x \\| &lt;y> 'z'?\\[1m | \\[link](http://example.org) |\n| **x** | `@jane` |\n"
	if got := p.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What has lines keeps them, or has spaces where it is a line.
func TestLines(t *testing.T) {
	const text = "a [x] <y> | `z`\n\tb\x1b[1m\n"
	for name, test := range map[string][2]string{
		"cell":     {Cell(text), `a \[x] &lt;y> \| 'z' b?\[1m`},
		"code":     {Code(text), "`a [x] <y> \\| 'z'`<br>`b?[1m`"},
		"indented": {Indented(text), "a [x] <y> | `z`\n        b?[1m"},
		"block":    {Block(text), "    a [x] <y> | `z`\n        b?[1m\n"},
	} {
		if test[0] != test[1] {
			t.Errorf("%s: %q, want %q", name, test[0], test[1])
		}
	}
}

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"1 repository": Count(1, "repository"), "2 repositories": Count(2, "repository"), "0 nights": Count(0, "night"), "1 night": Count(1, "night"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
