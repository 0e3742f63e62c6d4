package scan

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/stages/dependencies/php"
)

func openStore(tb testing.TB) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func add(tb testing.TB, s pipeline.Writer, path, content string) pipeline.File {
	tb.Helper()
	digest, size, err := s.Add(tb.Context(), strings.NewReader(content))
	if err != nil {
		tb.Fatal(err)
	}
	return pipeline.File{Path: path, Mode: pipeline.Regular, Size: size, Digest: digest}
}

func TestFiles(t *testing.T) {
	s := openStore(t)
	link := add(t, s, "link.php", "a.php")
	link.Mode = pipeline.Symlink
	const class = "<?php\nnamespace A;\nclass B extends C {}\n"
	files := []pipeline.File{
		add(t, s, "README.md", "Foo\\Bar"),
		add(t, s, "app/A.php", class),
		add(t, s, "app/registration.php", "<?php\nComponentRegistrar::register(ComponentRegistrar::MODULE, 'Sample_Store', __DIR__);\n"),
		add(t, s, "bin/sample", "#!/usr/bin/env php\n<?php\nnew D();\n"),
		add(t, s, "bin/tool", "#!/bin/sh\necho new D\n"),
		add(t, s, "etc/di.xml", "<config>\n<preference for=\"A\\I\" type=\"A\\B\"/>\n</config>"),
		add(t, s, "etc/module.xml", `<config><module name="Sample_Store"><sequence><module name="Sample_Base"/></sequence></module></config>`),
		add(t, s, "etc/schema.graphqls", "type Query { a: B @resolver(class: \"A\\\\Resolver\") }"),
		add(t, s, "lib/A.php", class),
		link,
		add(t, s, "theme.xml", "<theme><parent>Sample/plain</parent></theme>"),
		add(t, s, "view/hello.phtml", "<p><?= E::f() ?></p>"),
	}
	a := php.File{Declares: []string{"A\\B"}, References: []php.Reference{{Kind: php.Extends, Name: "A\\C", Line: 3}}}
	names := func(references ...php.Reference) php.File { return php.File{References: references} }
	want := []File{
		{"app/A.php", a},
		{"app/registration.php", php.File{Declares: []string{"Sample_Store"}, References: []php.Reference{{Kind: php.Static, Name: "ComponentRegistrar", Line: 2}}}},
		{"bin/sample", names(php.Reference{Kind: php.New, Name: "D", Line: 3})},
		{"etc/di.xml", names(php.Reference{Kind: XML, Name: "A\\I", Line: 2}, php.Reference{Kind: XML, Name: "A\\B", Line: 2})},
		{"etc/module.xml", php.File{Declares: []string{"Sample_Store"}, References: []php.Reference{{Kind: Sequence, Name: "Sample_Base", Line: 1}}}},
		{"etc/schema.graphqls", names(php.Reference{Kind: GraphQL, Name: "A\\Resolver", Line: 1})},
		{"lib/A.php", a},
		{"theme.xml", names(php.Reference{Kind: Theme, Name: "Sample/plain", Line: 1})},
		{"view/hello.phtml", names(php.Reference{Kind: php.Static, Name: "E", Line: 1})},
	}
	got, err := Files(t.Context(), s, files)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
}

// TestContext: what a text means depends on where it stands.
func TestContext(t *testing.T) {
	xml := func(d dialect) reader { return func(src []byte) *php.File { return readXML(src, d) } }
	tests := []struct {
		name string
		read reader
		src  string
		want string
	}{
		{"behind an end tag", xml(plainXML), `<a></a>A\B`, ""},
		{"in an element that is no object", xml(plainXML), `<a xsi:type="object"><b>Acme_Thing</b>`, "module id Acme_Thing"},
		{"in an object", xml(plainXML), `<a xsi:type="object">Acme_Thing</a>`, "XML Acme_Thing"},
		{"behind a sequence", xml(moduleXML), `<sequence></sequence><module name="Acme_Thing"/>`, "declares Acme_Thing"},
		{"the type of a plugin", xml(plainXML), `<plugin type="Acme_Thing"/>`, "XML Acme_Thing"},
		{"the type of a virtual type", xml(plainXML), `<virtualType type="Acme_Thing"/>`, "XML Acme_Thing"},
		{"the type of something else", xml(plainXML), `<column type="Acme_Thing"/>`, "module id Acme_Thing"},
		{"an element in a comment", xml(plainXML), `<!-- <a>--><![CDATA[A\B]]>`, ""},
		{"the longest name", xml(plainXML), `<a b="A\` + strings.Repeat("B", 510) + `"/>`, `XML A\` + strings.Repeat("B", 510)},
		{"too long for a name", xml(plainXML), `<a b="A\` + strings.Repeat("B", 600) + `"/>`, ""},
		{"a block string without end", readGraphQL, `"""" "A\\B"`, ""},
		{"a string without end", readGraphQL, `"A\\B\` + "\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := test.read([]byte(test.src))
			var got []string
			for _, name := range f.Declares {
				got = append(got, "declares "+name)
			}
			for _, r := range f.References {
				got = append(got, string(r.Kind)+" "+r.Name)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	s := openStore(t)
	files := []pipeline.File{
		{Path: "gone.php", Mode: pipeline.Regular, Digest: pipeline.DigestOf([]byte("gone"))},
		add(t, s, "a.php", "<?php new A;"),
		{Path: "lost.php", Mode: pipeline.Regular, Digest: pipeline.DigestOf([]byte("lost"))},
	}
	_, err := Files(t.Context(), s, files)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "read gone.php") || !strings.Contains(err.Error(), "read lost.php") {
		t.Errorf("error %v, want fs.ErrNotExist for gone.php and lost.php", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Files(ctx, s, files[1:2]); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// fixtures are the files of testdata.
func fixtures(tb testing.TB, s pipeline.Writer) []pipeline.File {
	tb.Helper()
	var files []pipeline.File
	err := fs.WalkDir(os.DirFS("testdata/files"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join("testdata/files", name))
		files = append(files, add(tb, s, name, string(data)))
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

// TestFixtures: what is read of files as they are in shops.
func TestFixtures(t *testing.T) {
	s := openStore(t)
	found, err := Files(t.Context(), s, fixtures(t, s))
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/fixtures.golden", text(found))
}
