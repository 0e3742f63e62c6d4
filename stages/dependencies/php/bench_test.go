package php

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkRead measures files a second with two goroutines, on files of the
// shape and size that Magento's have.
func BenchmarkRead(b *testing.B) {
	var files [][]byte
	for i := range 200 {
		files = append(files, module(i))
	}
	measure(b, files)
}

// BenchmarkReadSources measures the same on the PHP files below the folder that
// NIGHTLY_SOURCES names.
func BenchmarkReadSources(b *testing.B) {
	root := os.Getenv("NIGHTLY_SOURCES")
	if root == "" {
		b.Skip("NIGHTLY_SOURCES does not name a folder of real PHP code")
	}
	files, err := sources(root)
	if err != nil {
		b.Fatal(err)
	}
	measure(b, files)
}

// measure reads all files in two goroutines, b.N times.
func measure(b *testing.B, files [][]byte) {
	size := 0
	for _, src := range files {
		size += len(src)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		var next atomic.Int64
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				for i := next.Add(1); i <= int64(len(files)); i = next.Add(1) {
					if f := Read(files[i-1]); f.Problem != "" {
						b.Error(f.Problem)
					}
				}
			})
		}
		both.Wait()
	}
	b.ReportMetric(float64(len(files))*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

// sources reads the PHP files below root.
func sources(root string) ([][]byte, error) {
	var files [][]byte
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !IsPHP(path, nil) {
			return err
		}
		src, err := os.ReadFile(path)
		files = append(files, src)
		return err
	})
	return files, err
}

// module writes a class with its imports, doc comments and methods, of 1 to 13 KB.
func module(n int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?php\n/**\n * Copyright.\n */\ndeclare(strict_types=1);\n\nnamespace Shop\\Module%d\\Model;\n\n", n)
	methods := 1 + n%20
	for i := range methods {
		fmt.Fprintf(&b, "use Shop\\Module%d\\Api\\Service%dInterface;\n", i, i)
	}
	fmt.Fprintf(&b, "\nclass Item%d extends AbstractItem implements \\Countable\n{\n", n)
	for i := range methods {
		fmt.Fprintf(&b, `    /**
     * Gives part %[1]d of what has been ordered, as the service sees it.
     *
     * @param Service%[1]dInterface $service
     * @param array<string, int> $options
     * @return \Shop\Order\Part|null
     * @throws \Shop\Exception\NoSuchPart
     */
    public function part%[1]d(Service%[1]dInterface $service, array $options = [self::ALL => true]): ?\Shop\Order\Part
    {
        // The service may not know the part.
        if (!$service->has("part-{$options['name']}", self::STORE) || !isset($this->parts[%[1]d])) {
            throw new \Shop\Exception\NoSuchPart(__('No part %%1 of "%%2"', $options['name'], $this->getName()));
        }
        $parts = array_filter($this->parts, fn (Part $part): bool => $part->getNumber() >= %[1]d);
        return $parts ? reset($parts) : $this->factory->create(['data' => ['type' => 'Shop\Order\Part']]);
    }

`, i)
	}
	b.WriteString("}\n")
	return b.Bytes()
}
