package publish

import (
	"fmt"
	"testing"

	"github.com/mage-os/nightly/stages"
)

// BenchmarkPublish adds a night of 400 packages to a repository that keeps 14
// such nights, and publishes the same night again.
func BenchmarkPublish(b *testing.B) {
	dir := b.TempDir()
	store := newMemory()
	next := 0
	publish := func(night stages.Night) {
		if _, err := Stage(options(b, store, night.Name)).Run(b.Context(), stages.Release{Night: night, To: dir}); err != nil {
			b.Fatal(err)
		}
	}
	night := func() stages.Night {
		next++
		return sample{name: fmt.Sprintf("2026-11-24.%d", next), modules: 398}.build(b, store)
	}
	for range DefaultKeep {
		publish(night())
	}
	b.Run("next night", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			n := night()
			b.StartTimer()
			publish(n)
		}
	})
	b.Run("same night", func(b *testing.B) {
		n := night()
		publish(n)
		for b.Loop() {
			publish(n)
		}
	})
}
