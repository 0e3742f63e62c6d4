package publish

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mage-os/nightly/stages"
)

// codeSize is how much code each module of the benchmark has, in bytes. It is
// hexadecimal noise, so that zips have about the size that they have of Magento Open
// Source 2.4.7-p3: 357 of 204 kB on average.
const codeSize = 360 << 10

// BenchmarkPublish adds the second and the thirtieth night of 400 packages to a
// repository that keeps 14, and publishes the same night again.
func BenchmarkPublish(b *testing.B) {
	publish := func(dir string, day int) {
		store := newMemory()
		night := benchNight(b, store, day)
		if _, err := Stage(options(b, store, night.Name)).Run(b.Context(), stages.Release{Night: night, To: dir}); err != nil {
			b.Fatal(err)
		}
	}
	first, many := filepath.Join(b.TempDir(), "first"), filepath.Join(b.TempDir(), "many")
	publish(first, 1)
	for day := 1; day < 30; day++ {
		publish(many, day)
	}
	next := func(name, dir string, day int) {
		b.Run(name, func(b *testing.B) {
			store := newMemory()
			night := benchNight(b, store, day)
			o := options(b, store, night.Name)
			for b.Loop() {
				b.StopTimer()
				to := filepath.Join(filepath.Dir(dir), "repository")
				linkTree(b, dir, to)
				b.StartTimer()
				if _, err := Stage(o).Run(b.Context(), stages.Release{Night: night, To: to}); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := os.RemoveAll(to); err != nil {
					b.Fatal(err)
				}
				syscall.Sync() // else the next flush waits for this
				b.StartTimer()
			}
		})
	}
	next("second night", first, 2)
	next("thirtieth night", many, 30)
	b.Run("same night", func(b *testing.B) {
		store := newMemory()
		night := benchNight(b, store, 29)
		o := options(b, store, night.Name)
		for b.Loop() {
			if _, err := Stage(o).Run(b.Context(), stages.Release{Night: night, To: many}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchNight(b *testing.B, store *memory, day int) stages.Night {
	b.Helper()
	return sample{name: fmt.Sprintf("2026-11-%02d", day), modules: 398, change: fmt.Sprint(day), size: codeSize}.build(b, store)
}

// linkTree makes the same files under another folder. Publishing replaces files and
// never writes into one, so that both folders can share them.
func linkTree(b *testing.B, from, to string) {
	b.Helper()
	err := filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		return os.Link(file, filepath.Join(to, name))
	})
	if err != nil {
		b.Fatal(err)
	}
	syscall.Sync()
}
