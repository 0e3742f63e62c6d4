package store_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// many is about the number of files of a distribution's sources.
const many = 50_000

// source gives the made-up content of file i: unlike any other, of 1 to 4 KiB.
func source(i int) []byte {
	line := fmt.Appendf(nil, "<?php // file %d of a generated tree\n", i)
	return bytes.Repeat(line, 1+(1024+i*37%3072)/len(line))
}

// addMany adds the contents first to first+n by four goroutines.
func addMany(tb testing.TB, s *store.Store, first, n int) []pipeline.File {
	tb.Helper()
	files := make([]pipeline.File, n)
	var wait sync.WaitGroup
	for part := range 4 {
		wait.Go(func() {
			for i := part; i < n; i += 4 {
				digest, size, err := s.Add(context.Background(), bytes.NewReader(source(first+i)))
				if err != nil {
					tb.Error(err)
					return
				}
				path := fmt.Sprintf("app/code/Vendor/Module%d/Model/File%d.php", i%300, i)
				files[i] = pipeline.File{Path: path, Mode: pipeline.Regular, Size: size, Digest: digest}
			}
		})
	}
	wait.Wait()
	return files
}

func perFile(b *testing.B) {
	b.ReportMetric(float64(b.N)*many/b.Elapsed().Seconds(), "files/s")
}

func BenchmarkAddNew(b *testing.B) {
	s := open(b, b.TempDir())
	first := 0
	for b.Loop() {
		addMany(b, s, first, many)
		first += many
	}
	perFile(b)
}

func BenchmarkAddThere(b *testing.B) {
	s := open(b, b.TempDir())
	addMany(b, s, 0, many)
	for b.Loop() {
		addMany(b, s, 0, many)
	}
	perFile(b)
}

func BenchmarkTree(b *testing.B) {
	ctx := context.Background()
	s := open(b, b.TempDir())
	files := addMany(b, s, 0, many)
	tree, err := s.Save(ctx, files)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Save(ctx, files); err != nil {
				b.Fatal(err)
			}
		}
		perFile(b)
	})
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Files(ctx, tree); err != nil {
				b.Fatal(err)
			}
		}
		perFile(b)
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if err := s.Check(ctx, tree); err != nil {
				b.Fatal(err)
			}
		}
		perFile(b)
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			for _, f := range files {
				c, err := s.Open(ctx, f.Digest)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, c); err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
		}
		perFile(b)
	})
}
