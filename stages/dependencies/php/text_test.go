package php

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadStrings(t *testing.T) {
	tests := []struct{ name, literal, want string }{
		{"single quotes", `'Foo\Bar'`, `Foo\Bar`},
		{"escaped", `'Foo\\Bar\\Baz'`, `Foo\Bar\Baz`},
		{"leading backslash", `'\Foo\Bar'`, `Foo\Bar`},
		{"double quotes", `"Foo\\Bar"`, `Foo\Bar`},
		{"double quotes, not escaped", `"Foo\Bar"`, `Foo\Bar`},
		{"lower-case vendor", `'phpseclib\Crypt\RSA'`, `phpseclib\Crypt\RSA`},
		{"with a method", `'Foo\Bar::baz'`, `Foo\Bar`},
		{"newline", `"Foo\nBar"`, ""},
		{"lower case at the end", `'foo\bar'`, ""},
		{"pattern", `'\d\W'`, ""},
		{"one segment", `'\Foo'`, ""},
		{"prefix", `'Foo\Bar\\'`, ""},
		{"text", `'use Foo\Bar here'`, ""},
		{"double backslash", `'Foo\\\\Bar'`, ""},
		{"quote", `'Foo\'Bar'`, ""},
		{"digit", `'Foo\1Bar'`, ""},
		{"short vendor", `'F\Bar'`, ""},
		{"interpolation", `"Foo\\Bar$x"`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := map[string]int{}
			if test.want != "" {
				want[test.want] = 2
			}
			got := kinds(Read([]byte("<?php namespace N;\n$x = "+test.literal+";")), String)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("classes in %s (-want +got):\n%s", test.literal, diff)
			}
		})
	}
}

func TestReadDocblocks(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"imported", "@param Tool $tool", []string{`Vendor\Tool`}},
		{"alias", "@return B|null", []string{`Vendor\Beta`}},
		{"below an import", "@var tool\\Part", []string{`Vendor\Tool\Part`}},
		{"absolute", `@throws \Other\Failure when it fails`, []string{`Other\Failure`}},
		{"global", `@throws \Exception`, []string{`Exception`}},
		{"without the leading backslash", `@var Magento\Framework\App $app`, []string{`Magento\Framework\App`}},
		{"own namespace", `@param Local $x`, nil},
		{"built in", `@param int|string|self|null|\int $x`, nil},
		{"union", `@var Tool|\Other\A|B[] $x`, []string{`Other\A`, `Vendor\Beta`, `Vendor\Tool`}},
		{"nullable", `@param ?Tool $x`, []string{`Vendor\Tool`}},
		{"generic", `@param array<string, \Other\A<Tool, B>> $x`, []string{`Other\A`, `Vendor\Beta`, `Vendor\Tool`}},
		{"shape", `@return array{a: Tool, b?: \Other\A}`, []string{`Other\A`, `Vendor\Tool`}},
		{"callable", `@param callable(Tool): B $x`, []string{`Vendor\Tool`}},
		{"variable first", `@var $x Tool`, []string{`Vendor\Tool`}},
		{"see", `@see Tool::run() and B`, []string{`Vendor\Tool`}},
		{"see inline", `Calls {@see \Other\A::b()} and {@link Tool}.`, []string{`Other\A`, `Vendor\Tool`}},
		{"method", `@method static Tool make(B $x, \Other\A ...$y)`, []string{`Other\A`, `Vendor\Beta`, `Vendor\Tool`}},
		{"property", `@property-read Tool $x`, []string{`Vendor\Tool`}},
		{"mixin", `@mixin Tool`, []string{`Vendor\Tool`}},
		{"template", `@template T of Tool`, []string{`Vendor\Tool`}},
		{"extends", `@extends \Other\A<Tool>`, []string{`Other\A`, `Vendor\Tool`}},
		{"phpstan", `@phpstan-param Tool $x`, []string{`Vendor\Tool`}},
		{"description", `@param int $x the Tool or \Other\A`, nil},
		{"other tag", `@author Tool <tool@param.example>`, nil},
		{"text", `Tool and \Other\A`, nil},
		{"trailing backslash", `@var \Other\A\ $x`, []string{`Other\A`}},
	}
	head := "<?php namespace N; use Vendor\\Tool; use Vendor\\Beta as B;\n/**\n * "
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for name, line := range kinds(Read([]byte(head+test.text+"\n */\nclass A {}")), Docblock) {
				if got = append(got, name); line != 3 {
					t.Errorf("%s is in line %d, want 3", name, line)
				}
			}
			sorted := cmpopts.SortSlices(strings.Compare)
			if diff := cmp.Diff(test.want, got, sorted, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("classes in %q (-want +got):\n%s", test.text, diff)
			}
		})
	}
}

func TestReadDocblockPlace(t *testing.T) {
	// Before the import a name is not imported; a plain comment has no tags.
	src := "<?php\n/** @var Tool */\n/* @var \\Not */ // @var \\Not\n/**@var \\Not */\nuse Vendor\\Tool;\n/** @var Tool */"
	if diff := cmp.Diff(map[string]int{`Vendor\Tool`: 6}, kinds(Read([]byte(src)), Docblock)); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
}
