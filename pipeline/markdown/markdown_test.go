package markdown

import "testing"

func TestPage(t *testing.T) {
	var p Page
	p.Table("a", "b")
	p.Row("x | <y>\n`z`\x1b[1m", "[link](http://example.org)")
	p.RawRow("**x**", Code("@jane"))
	const want = "| a | b |\n|---|---|\n| x \\| &lt;y>?'z'?\\[1m | \\[link](http://example.org) |\n| **x** | `@jane` |\n"
	if got := p.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
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
