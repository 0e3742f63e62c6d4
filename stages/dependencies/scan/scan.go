// Package scan reads the files of a tree for what they declare and name: PHP,
// XML, GraphQL schemas. It reads in parallel, and what it read of a content once
// it does not read again.
package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/mage-os/nightly/pipeline"
)

// maxFile bounds what is read of one file, in bytes: no source code is longer.
const maxFile = 16 << 20

// A Reference is one thing that a file names.
type Reference struct {
	Kind Kind
	// Name of a class is fully qualified, without a backslash at its beginning,
	// in the case in which it was written.
	Name string
	Line int // from 1; the first of this kind and name in the file
}

// A File is what was read of one file.
type File struct {
	Path string // as given
	// Declares are the classes, interfaces, traits and enums of PHP, the module
	// of a module.xml (Magento_Catalog) and the component that a registration.php
	// registers (Magento_Catalog, frontend/Magento/blank).
	Declares []string
	// References are in the order of their position.
	References []Reference
	// Problem says what was odd about the file; empty: nothing.
	Problem string
}

// A Scanner reads files. It is safe for use by several goroutines.
type Scanner struct {
	store pipeline.Reader
	cache pipeline.Cache
	pack  string
}

// New makes a scanner of the files in store. Cache may be nil: then all is read
// anew.
func New(store pipeline.Reader, cache pipeline.Cache) *Scanner {
	return &Scanner{store: store, cache: cache, pack: "files"}
}

// For gives the scanner whose results are kept together under any name, such as a
// package's. All results of a name are loaded when one is wanted, so that who
// scans many packages gives each its own.
func (s *Scanner) For(name string) *Scanner {
	return &Scanner{store: s.store, cache: s.cache, pack: name}
}

// Files reads those of the files that it understands, in parallel, and gives
// what it found in their order. Symbolic links are not followed, and what cannot
// be read is an error, all of them together.
func (s *Scanner) Files(ctx context.Context, files []pipeline.File) ([]File, error) {
	known := s.load(ctx)
	results := make([]result, len(files))
	errs := make([]error, len(files))
	var work []int
	for i, f := range files {
		reader := readerOf(f)
		if reader == nil {
			continue
		}
		k := key{digest: f.Digest, reader: reader.id}
		if r, ok := known.find(k); ok {
			results[i] = r
			continue
		}
		work = append(work, i)
	}
	s.read(ctx, files, work, results, errs)
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return nil, err
	}
	for _, i := range work {
		known.add(key{digest: files[i].Digest, reader: readerOf(files[i]).id}, results[i])
	}
	found := make([]File, 0, len(files))
	for i, f := range files {
		if r := results[i]; r.understood {
			found = append(found, r.file(f.Path))
		}
	}
	return found, s.save(ctx, known)
}

// read reads the files of these indices, as many at once as there are processors.
func (s *Scanner) read(ctx context.Context, files []pipeline.File, work []int, results []result, errs []error) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(work)) {
		wait.Go(func() {
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= len(work) {
					return
				}
				i := work[n]
				results[i], errs[i] = s.file(ctx, files[i])
			}
		})
	}
	wait.Wait()
}

func (s *Scanner) file(ctx context.Context, f pipeline.File) (result, error) {
	src, err := s.content(ctx, f)
	if err != nil {
		return result{}, fmt.Errorf("read %s: %w", f.Path, err)
	}
	if int64(len(src)) > maxFile {
		return result{understood: true, problem: fmt.Sprintf("it has more than %d MiB and was not read", maxFile>>20)}, nil
	}
	return readerOf(f).read(f.Path, src), nil
}

func (s *Scanner) content(ctx context.Context, f pipeline.File) ([]byte, error) {
	content, err := s.store.Open(ctx, f.Digest)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	size := min(content.Size(), maxFile+1)
	src := make([]byte, size)
	if _, err := io.ReadFull(content, src); err != nil {
		return nil, err
	}
	return src, nil
}
