package php

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kinds gives the names of one kind, with their lines.
func kinds(f File, kind Kind) map[string]int {
	names := map[string]int{}
	for _, r := range f.References {
		if r.Kind == kind {
			names[r.Name] = r.Line
		}
	}
	return names
}

func TestReadFile(t *testing.T) {
	src := `<?php
namespace Shop;

use Vendor\Tool;

/** @see Tool\Part */
class A extends Tool
{
    public $name = 'Vendor\Other\Thing';
    public ?Tool $tool = null;

    public function run(): Tool
    {
        return $this->tool ?? new Tool(LIMIT, strlen('x'), new Tool());
    }
}
`
	want := File{
		Declares: []string{`Shop\A`},
		References: []Reference{
			{Import, `Vendor\Tool`, 4},
			{Docblock, `Vendor\Tool\Part`, 6},
			{Extends, `Vendor\Tool`, 7},
			{String, `Vendor\Other\Thing`, 9},
			{Type, `Vendor\Tool`, 10},
			{New, `Vendor\Tool`, 14},
			{Constant, "LIMIT", 14},
			{Function, "strlen", 14},
		},
	}
	if diff := cmp.Diff(want, Read([]byte(src))); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
}

func TestReadLines(t *testing.T) {
	for name, end := range map[string]string{"unix": "\n", "windows": "\r\n", "old mac": "\r"} {
		t.Run(name, func(t *testing.T) {
			src := strings.Join([]string{"<?php", "new A;", "/* a", " b */ $x = <<<X", " new Not {$y(new B)}",
				" X;", "# c", "new C;", ""}, end)
			want := map[string]int{"A": 2, "B": 5, "C": 8}
			if diff := cmp.Diff(want, kinds(Read([]byte(src)), New)); diff != "" {
				t.Errorf("names and lines (-want +got):\n%s", diff)
			}
		})
	}
}

// A backslash at the end of a line of a heredoc does not hide the label in the next.
func TestReadHeredocBackslash(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", "\r"} {
		src := strings.Join([]string{"<?php $a = <<<X", `foo\`, "X;", "new B;", "$a = <<<X", `foo\\{$y(new C)}`, "X . new D;"}, end)
		want := map[string]int{"B": 4, "C": 6, "D": 7}
		if diff := cmp.Diff(want, kinds(Read([]byte(src)), New)); diff != "" {
			t.Errorf("names and lines with ends %q (-want +got):\n%s", end, diff)
		}
	}
}

func TestReadSpacedNames(t *testing.T) {
	src := "<?php namespace Shop \\ Cart;\nuse Vendor \\\n Kit \\ Tool;\nnew Tool \\ Part; f(new \\ Root, else_ \\x());\n" +
		"yield from \\Vendor\\all(); return \\B::c();"
	f := Read([]byte(src))
	if diff := cmp.Diff(map[string]int{`Vendor\Kit\Tool`: 2}, kinds(f, Import)); diff != "" {
		t.Errorf("imports (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{`Vendor\Kit\Tool\Part`: 4}, kinds(f, New)); diff != "" {
		t.Errorf("new (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{`Vendor\all`: 5, `Shop\Cart\else_\x`: 4, "f": 4}, kinds(f, Function)); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
}

func TestReadProblem(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"none", "<?php f([1, {2}]);", ""},
		{"no PHP", "plain { text", ""},
		{"comment", "<?php\n\n/* a", "unterminated comment at line 3"},
		{"single quotes", "<?php\n'a\n\n", "unterminated string at line 2"},
		{"double quotes", "<?php \"a", "unterminated string at line 1"},
		{"double quotes with interpolation", "<?php\n\"a $b", "unterminated string at line 2"},
		{"backticks", "<?php\n`a $b", "unterminated string at line 2"},
		{"heredoc", "<?php\n<<<A\n B\n", "unterminated heredoc at line 2"},
		{"nowdoc", "<?php\n<<<'A'\n B\n", "unterminated heredoc at line 2"},
		{"open bracket", "<?php\nclass A {\n f(", "unclosed bracket at line 3"},
		{"open brace", "<?php\nclass A {\n", "unclosed bracket at line 2"},
		{"adaptations", "<?php\nclass A {\n use B { c as d;", "unclosed bracket at line 2"},
		{"group", "<?php\nuse A\\{B", "unclosed bracket at line 2"},
		{"closing bracket", "<?php\n f());", "unopened bracket at line 2"},
		{"wrong bracket", "<?php {\n f(]);\n}", "unopened bracket at line 2"},
		{"brace before bracket", "<?php {\n f(\n}", "unclosed bracket at line 2"},
		{"the first of two", "<?php )\n 'a", "unopened bracket at line 1"},
		{"long name", "<?php\nnew A" + strings.Repeat("a", longestName) + ";", "name of more than 1024 bytes at line 2"},
		{"long namespace", "<?php namespace A" + strings.Repeat("a", longestName-8) + ";\nnew B\\CDEFGHIJ;",
			"name of more than 1024 bytes at line 2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Read([]byte(test.src)).Problem; got != test.want {
				t.Errorf("Problem = %q, want %q", got, test.want)
			}
		})
	}
}

// TestReadGoesOn shows that what follows a broken part still counts.
func TestReadGoesOn(t *testing.T) {
	f := Read([]byte("<?php\nclass A { function f() { g([1, 2; } }\nnew B;\nclass C extends D {}"))
	if diff := cmp.Diff([]string{"A", "C"}, f.Declares); diff != "" {
		t.Errorf("Declares (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"B": 3}, kinds(f, New)); diff != "" {
		t.Errorf("new (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"D": 4}, kinds(f, Extends)); diff != "" {
		t.Errorf("extends (-want +got):\n%s", diff)
	}
}

func TestIsPHP(t *testing.T) {
	tests := []struct {
		name, file, head string
		want             bool
	}{
		{"class", "src/A.php", "", true},
		{"template", "view/a.phtml", "<p>", true},
		{"upper case", "A.PHP", "", true},
		{"sample", "app/config.php.dist", "", true},
		{"script", "bin/magento", "#!/usr/bin/env php\n<?php\n", true},
		{"script with a version", "bin/x", "#!/usr/bin/php8.2 -q\n", true},
		{"script without a first line", "bin/x", "<?php\n", true},
		{"script in upper case", "bin/x", "<?PHP ", true},
		{"shell script", "bin/x", "#!/bin/sh\nphp x.php\n", false},
		{"text", "LICENSE", "Open Software License", false},
		{"empty", "EMPTY", "", false},
		{"short", "x", "<?p", false},
		{"PHP by another name", "a.txt", "<?php\n", false},
		{"hidden file", ".gitignore", "<?php\n", false},
		{"folder with a dot", "a.php/README", "text", false},
		{"XML", "etc/di.xml", "<?xml", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := IsPHP(test.file, []byte(test.head)); got != test.want {
				t.Errorf("IsPHP(%q, %q) = %t, want %t", test.file, test.head, got, test.want)
			}
		})
	}
}

func TestKind(t *testing.T) {
	code := map[Kind]bool{New: true, Static: true, InstanceOf: true, Extends: true, Implements: true, Trait: true,
		Type: true, Catch: true, Attribute: true}
	for _, k := range []Kind{New, Static, InstanceOf, Extends, Implements, Trait, Type, Catch, Attribute, Import, Docblock, String, Function, Constant, ""} {
		if k.Code() != code[k] {
			t.Errorf("%q.Code() = %t, want %t", k, k.Code(), code[k])
		}
	}
}
