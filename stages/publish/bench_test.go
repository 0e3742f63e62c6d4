package publish

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mage-os/nightly/stages"
)

// BenchmarkPublish adds the second and the thirtieth night of 400 packages to a
// repository that keeps 14, and publishes the same night again.
func BenchmarkPublish(b *testing.B) {
	store := newMemory()
	publish := func(dir string, day int) {
		night := sample{name: fmt.Sprintf("2026-11-%02d", day), modules: 398, change: fmt.Sprint(day)}.build(b, store)
		if _, err := Stage(options(b, store, night.Name)).Run(b.Context(), stages.Release{Night: night, To: dir}); err != nil {
			b.Fatal(err)
		}
	}
	first, many := b.TempDir(), b.TempDir()
	publish(first, 1)
	for day := 1; day < 30; day++ {
		publish(many, day)
	}
	next := func(name, dir string, day int) {
		b.Run(name, func(b *testing.B) {
			store := newMemory()
			night := sample{name: fmt.Sprintf("2026-11-%02d", day), modules: 398, change: fmt.Sprint(day)}.build(b, store)
			o := options(b, store, night.Name)
			for b.Loop() {
				b.StopTimer()
				to := filepath.Join(b.TempDir(), "repository")
				if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
					b.Fatal(err)
				}
				syscall.Sync() // else the first flush waits for the copy
				b.StartTimer()
				if _, err := Stage(o).Run(b.Context(), stages.Release{Night: night, To: to}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	next("second night", first, 2)
	next("thirtieth night", many, 30)
	b.Run("same night", func(b *testing.B) {
		for b.Loop() {
			publish(many, 29)
		}
	})
}
