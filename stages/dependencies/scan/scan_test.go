package scan

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/stages/dependencies/php"
)

// counting counts how often a content is opened.
type counting struct {
	pipeline.Reader
	mu     sync.Mutex
	opened int
}

func (c *counting) Open(ctx context.Context, digest pipeline.Digest) (pipeline.Content, error) {
	c.mu.Lock()
	c.opened++
	c.mu.Unlock()
	return c.Reader.Open(ctx, digest)
}

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
	a := []Reference{{Of(php.Extends), "A\\C", 3}}
	want := []File{
		{Path: "app/A.php", Declares: []string{"A\\B"}, References: a},
		{Path: "app/registration.php", Declares: []string{"Sample_Store"}, References: []Reference{{Of(php.Static), "ComponentRegistrar", 2}}},
		{Path: "bin/sample", References: []Reference{{Of(php.New), "D", 3}}},
		{Path: "etc/di.xml", References: []Reference{{XML, "A\\I", 2}, {XML, "A\\B", 2}}},
		{Path: "etc/module.xml", Declares: []string{"Sample_Store"}, References: []Reference{{Sequence, "Sample_Base", 1}}},
		{Path: "etc/schema.graphqls", References: []Reference{{GraphQL, "A\\Resolver", 1}}},
		{Path: "lib/A.php", Declares: []string{"A\\B"}, References: a},
		{Path: "theme.xml", References: []Reference{{Theme, "Sample/plain", 1}}},
		{Path: "view/hello.phtml", References: []Reference{{Of(php.Static), "E", 1}}},
	}
	reader := &counting{Reader: s}
	for _, step := range []struct {
		name   string
		cache  pipeline.Cache
		opened int
	}{
		{"without a cache", nil, 10},
		{"for the first time", s.Cache("scan"), 10},
		{"again", s.Cache("scan"), 0},
	} {
		t.Run(step.name, func(t *testing.T) {
			reader.opened = 0
			got, err := New(reader, step.cache).For("a_package").Files(t.Context(), files)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("files differ (-want +got):\n%s", diff)
			}
			if reader.opened != step.opened {
				t.Errorf("%d contents were opened, want %d", reader.opened, step.opened)
			}
		})
	}
}

// TestChanged: only what is new is read, and what two trees that take turns need
// stays known.
func TestChanged(t *testing.T) {
	s := openStore(t)
	reader := &counting{Reader: s}
	one := []pipeline.File{add(t, s, "a.php", "<?php new A;"), add(t, s, "b.php", "<?php new B;")}
	two := []pipeline.File{one[0], add(t, s, "b.php", "<?php new C;")}
	// The same content says other things under another name.
	renamed := []pipeline.File{{Path: "a.xml", Mode: pipeline.Regular, Size: one[0].Size, Digest: one[0].Digest}}
	for i, step := range []struct {
		files  []pipeline.File
		opened int
	}{{one, 2}, {two, 1}, {one, 0}, {two, 0}, {renamed, 1}, {renamed, 0}} {
		reader.opened = 0
		if _, err := New(reader, s.Cache("scan")).Files(t.Context(), step.files); err != nil {
			t.Fatal(err)
		}
		if reader.opened != step.opened {
			t.Errorf("step %d: %d contents were opened, want %d", i, reader.opened, step.opened)
		}
	}
}

// TestForgotten: what nobody asks for is not kept for ever.
func TestForgotten(t *testing.T) {
	s := openStore(t)
	scanner := New(s, s.Cache("scan"))
	old := add(t, s, "old.php", "<?php new Old;")
	files := []pipeline.File{old}
	for i := range maxAge + 2 {
		if _, err := scanner.Files(t.Context(), files); err != nil {
			t.Fatal(err)
		}
		files = []pipeline.File{add(t, s, "new.php", "<?php new N"+strings.Repeat("n", i)+";")}
	}
	p := scanner.load(t.Context())
	if _, ok := p.find(key{old.Digest, phpReader.id}); ok {
		t.Error("the old content is still known")
	}
	if n := len(p.entries); n > maxAge {
		t.Errorf("%d contents are known", n)
	}
}

func TestDamagedPack(t *testing.T) {
	s := openStore(t)
	files := []pipeline.File{add(t, s, "a.php", "<?php new A;")}
	want, err := New(s, nil).Files(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	scanner := New(s, s.Cache("scan"))
	if _, err := scanner.Files(t.Context(), files); err != nil {
		t.Fatal(err)
	}
	good := scanner.load(t.Context()).encode()
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 0xff
		for _, data := range [][]byte{bad, good[:i]} {
			if err := s.Cache("scan").Put(t.Context(), scanner.key(), bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			got, err := scanner.Files(t.Context(), files)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("damaged at %d (-want +got):\n%s", i, diff)
			}
		}
	}
}

func TestUnreadable(t *testing.T) {
	s := openStore(t)
	files := []pipeline.File{
		{Path: "gone.php", Mode: pipeline.Regular, Digest: pipeline.DigestOf([]byte("gone"))},
		add(t, s, "a.php", "<?php new A;"),
		{Path: "lost.php", Mode: pipeline.Regular, Digest: pipeline.DigestOf([]byte("lost"))},
	}
	_, err := New(s, s.Cache("scan")).Files(t.Context(), files)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "read gone.php") || !strings.Contains(err.Error(), "read lost.php") {
		t.Errorf("error %v, want fs.ErrNotExist for gone.php and lost.php", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(s, nil).Files(ctx, files[1:2]); !errors.Is(err, context.Canceled) {
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

// TestVersion: what is kept is used again, so that a change of what is read from
// the same bytes needs another version. The golden file is named by it.
func TestVersion(t *testing.T) {
	s := openStore(t)
	scanner := New(s, s.Cache("scan"))
	found, err := scanner.Files(t.Context(), fixtures(t, s))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "version-"+version+".golden", text(found))
	again, err := scanner.Files(t.Context(), fixtures(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(found, again); diff != "" {
		t.Errorf("what was kept differs (-read +kept):\n%s", diff)
	}
}
