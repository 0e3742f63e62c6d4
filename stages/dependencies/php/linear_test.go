package php

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// steps reads src and gives how many steps that took: bytes and tokens that
// were looked at, and bytes of names that were put together.
func steps(src []byte) int {
	r := newReader()
	r.reset(src)
	r.run()
	r.walk()
	r.file()
	return r.steps
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
}

// longNames are texts each of which stands for a name of about longestName.
var longNames = []repeated{
	{"a long prefix", "namespace A" + strings.Repeat("a", 900) + ";", "new B; "},
	{"a long import", "use A" + strings.Repeat("a", 900) + " as B;", "new B\\C; "},
}

// TestLinear shows that twice the input takes at most about twice the steps,
// and no more than a bounded number for each byte.
func TestLinear(t *testing.T) {
	for _, test := range hostile {
		t.Run(test.name, func(t *testing.T) { linear(t, test, 24) })
	}
	for _, test := range longNames {
		t.Run(test.name, func(t *testing.T) { linear(t, test, 2*longestName/len(test.text)) })
	}
}

func linear(t *testing.T, test repeated, each int) {
	const size = 1 << 20
	src := func(size int) []byte {
		text := bytes.Repeat([]byte(test.text), size/len(test.text))
		return append([]byte("<?php "+test.before), text...)
	}
	half, whole := steps(src(size/2)), steps(src(size))
	if whole*10 > half*21 || half == 0 {
		t.Errorf("%d steps for %d bytes, %d for half of them", whole, size, half)
	}
	if whole > each*size {
		t.Errorf("%d steps for %d bytes, want %d for each at most", whole, size, each)
	}
}

// TestManyNames shows that different names cost their own length each.
func TestManyNames(t *testing.T) {
	src := func(n int) []byte {
		var b bytes.Buffer
		b.WriteString("<?php namespace A" + strings.Repeat("a", 200) + ";")
		for i := range n {
			fmt.Fprintf(&b, "use B\\C%d; new C%d\\D(E%d(F%d)); class G%d {}", i, i, i, i, i)
		}
		return b.Bytes()
	}
	half, whole := steps(src(2000)), steps(src(4000))
	if whole*10 > half*21 {
		t.Errorf("%d steps, %d for half the input", whole, half)
	}
	f := Read(src(4000))
	if got := len(f.References); got != 16000 || len(f.Declares) != 4000 {
		t.Errorf("%d references and %d classes, want 16000 and 4000", got, len(f.Declares))
	}
}
