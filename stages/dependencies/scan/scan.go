// Package scan reads the files of a tree for what they declare and name: PHP,
// XML, GraphQL schemas. It reads in parallel.
package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/dependencies/php"
)

// maxFile bounds what is read of one file, in bytes: no source code is longer.
const maxFile = 16 << 20

// What other files than PHP name; PHP's own kinds are those of package php.
const (
	// XML is a class name in an attribute or a text of an XML file.
	XML php.Kind = "XML"
	// GraphQL is the class of a directive in a schema: @resolver(class: "…").
	GraphQL php.Kind = "GraphQL"
	// Sequence is a module that module.xml wants to be loaded before.
	Sequence php.Kind = "sequence of modules"
	// Module is a module's id elsewhere in an XML file: of an ACL resource, a
	// menu entry or a template, Magento_Catalog.
	Module php.Kind = "module id"
	// Theme is the parent of a theme, as theme.xml has it: Magento/blank.
	Theme php.Kind = "parent theme"
)

// A File is what was read of one file. Beside the classes of PHP it declares the
// module of a module.xml (Magento_Catalog) and the component that a
// registration.php registers (Magento_Catalog, frontend/Magento/blank).
type File struct {
	Path string // as given
	php.File
}

// Files reads those of the files that it understands, in parallel, and gives
// what it found in their order. Symbolic links are not followed, and what cannot
// be read is an error, all of them together.
func Files(ctx context.Context, store pipeline.Reader, files []pipeline.File) ([]File, error) {
	results := make([]*php.File, len(files))
	err := pipeline.Each(len(files), runtime.GOMAXPROCS(0), func(i int) (err error) {
		if understand := readerOf(files[i]); understand != nil && ctx.Err() == nil {
			results[i], err = read(ctx, store, files[i], understand)
		}
		return err
	})
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	found := make([]File, 0, len(files))
	for i, f := range results {
		if f != nil {
			found = append(found, File{files[i].Path, *f})
		}
	}
	return found, nil
}

func read(ctx context.Context, store pipeline.Reader, f pipeline.File, understand reader) (*php.File, error) {
	content, err := store.Open(ctx, f.Digest)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Path, err)
	}
	defer content.Close()
	if content.Size() > maxFile {
		return &php.File{Problem: fmt.Sprintf("it has more than %d MiB and was not read", maxFile>>20)}, nil
	}
	src := make([]byte, content.Size())
	if _, err := io.ReadFull(content, src); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Path, err)
	}
	return understand(src), nil
}
