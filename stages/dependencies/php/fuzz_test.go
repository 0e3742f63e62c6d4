package php

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzRead holds for any bytes: Read does not panic; its references are in
// order, in the file's lines, named and there once.
func FuzzRead(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		file := Read(src)
		lines := 1 + bytes.Count(src, []byte("\n")) + bytes.Count(src, []byte("\r"))
		last, seen := 1, map[Reference]bool{}
		for _, r := range file.References {
			if r.Line < last || r.Line > lines {
				t.Errorf("%v is in line %d, after %d and of %d", r.Kind, r.Line, last, lines)
			}
			last = r.Line
			if r.Name == "" || r.Name[0] == '\\' || len(r.Name) > longestName {
				t.Errorf("%v has the name %q", r.Kind, r.Name)
			}
			if r.Line = 0; seen[r] {
				t.Errorf("%v %q is there twice", r.Kind, r.Name)
			}
			seen[r] = true
		}
	})
}

// FuzzTokens holds for any bytes: the tokens are in order, within the file, and
// do not overlap.
func FuzzTokens(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		l := lexer{src: src}
		l.run()
		end := int32(0)
		for _, token := range l.tokens {
			if token.start < end || token.end < token.start || int(token.end) > len(src) {
				t.Fatalf("token %+v begins before %d or ends beyond %d", token, end, len(src))
			}
			end = token.end
		}
	})
}

// FuzzShift holds for any bytes: a comment in front moves the lines and changes
// nothing else.
func FuzzShift(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		const comment = "<?php /* new\nNot() */ # a\n?>"
		want, got := Read(src), Read(append([]byte(comment), src...))
		for i := range want.References {
			want.References[i].Line += 2
		}
		want.Problem = regexp.MustCompile(`\d+$`).ReplaceAllStringFunc(want.Problem, func(line string) string {
			n, err := strconv.Atoi(line)
			if err != nil {
				t.Fatal(err)
			}
			return strconv.Itoa(n + 2)
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Read with a comment in front (-want +got):\n%s", diff)
		}
	})
}

// FuzzSpace holds for any bytes: blanks and comments between the tokens of code
// change no name. What stands in a string or in HTML is left as it is.
func FuzzSpace(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		spaced := spaceOut(src)
		want, got := names(Read(src)), names(Read(spaced))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Read with a comment behind every ; and , (-want +got):\n%s\n%q", diff, spaced)
		}
	})
}

// spaceOut puts a comment behind every ; and , of code.
func spaceOut(src []byte) []byte {
	l := lexer{src: src}
	l.run()
	var spaced []byte
	from := int32(0)
	for _, token := range l.tokens {
		if token.is(';') || token.is(',') {
			spaced = append(append(spaced, src[from:token.end]...), " /* new Not() ' */ # \"\n"...)
			from = token.end
		}
	}
	return append(spaced, src[from:]...)
}

// names gives everything of a file but lines and problems.
func names(f File) []string {
	var all []string
	for _, r := range f.References {
		all = append(all, fmt.Sprint(r.Kind, " ", r.Name))
	}
	return append(all, f.Declares...)
}

// seed adds the fixtures and the texts that are hostile.
func seed(f *testing.F) {
	f.Helper()
	for _, name := range fixtures(f) {
		f.Add(read(f, name))
	}
	for _, h := range hostile {
		f.Add([]byte("<?php " + h.before + h.text + h.text + h.text))
	}
}

// repeated is a text to repeat behind another one.
type repeated struct{ name, before, text string }

// hostile are texts which, repeated behind an opening tag, would cost a reader
// that looks ahead, goes back or calls itself the square of their number, or
// its stack.
var hostile = []repeated{
	{"parentheses", "", "("},
	{"braces", "", "{"},
	{"brackets of all sorts", "", "([{#["},
	{"closing braces", "", "}"},
	{"closing brackets", "", ")"},
	{"wrong brackets", "", "({)]}"},
	{"brackets closed by one brace", strings.Repeat("(", 100), "{([}"},
	{"blanks in front of no cast", "", "(" + strings.Repeat(" ", 50)},
	{"heredocs that never end", "", "<<<A\n"},
	{"heredocs in heredocs", "", "<<<A\n{$a("},
	{"nowdocs that never end", "", "<<<'A'\n"},
	{"labels of heredocs without a line", "", "<<<AAAAAAAA "},
	{"almost a closing label", "<<<" + strings.Repeat("A", 500) + "\n", strings.Repeat("A", 499) + "\n"},
	{"indented lines of a heredoc", "<<<A\n", "          B\n"},
	{"open strings", "", "\"a $b "},
	{"strings in strings", "", "\"{$a["},
	{"variables in braces", "", "{$"},
	{"variables in braces in a string", "\"", "{$"},
	{"names in braces in a string", "\"", "${a "},
	{"backticks", "", "`{$"},
	{"open comments", "", "/*"},
	{"doc comments", "", "/** @var \\A */"},
	{"tags in a doc comment", "/**\n", "@var \\A<\n"},
	{"a type without end in a doc comment", "/** @method ", "A<("},
	{"hash signs", "", "#"},
	{"attributes", "", "#[A("},
	{"opening tags", "?>", "<?php <"},
	{"HTML", "?>", "<? <?= ?>"},
	{"groups", "", "use A\\{B, C\\D as E};"},
	{"a long group", "use A\\{", "B, C\\D as E, "},
	{"a group of groups", "", "use A\\{"},
	{"adaptations", "class A { use B {", "C::d insteadof E, F;"},
	{"uses of traits", "class A {", "use B {"},
	{"types", "function a(", "?(A&"},
	{"types in types", "function a(", "("},
	{"functions", "", "function("},
	{"arrow functions", "", "fn("},
	{"parameters", "function a(", "A $b = "},
	{"classes", "", "class A {"},
	{"anonymous classes", "", "new class("},
	{"hooks", "class A {", "public $a { get { "},
	{"matches", "", "match(a){b=>"},
	{"a name in pieces", "", "A \\ "},
	{"a long name", "", "A\\"},
	{"namespaces with imports", strings.Repeat("use A\\B; ", 1000), "namespace A; use B\\C;"},
	{"ternaries", "", "a ? "},
	{"strings that look like classes", "", "'A\\\\B'"},
	{"carriage returns", "", "a\r"},
	{"zeros", "", "\x00"},
	{"high bytes", "", "\xff\\"},
	{"a long prefix", "namespace A" + strings.Repeat("a", 900) + ";", "new B; "},
	{"a long import", "use A" + strings.Repeat("a", 900) + " as B;", "new B\\C; "},
}
