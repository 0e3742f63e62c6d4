package publish

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/trust"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

// codeSize is how much code each module of the benchmark has, in bytes. It is
// hexadecimal noise, so that zips have about the size that they have of Magento Open
// Source 2.4.7-p3: 357 of 204 kB on average.
const codeSize = 360 << 10

// BenchmarkPublish adds the thirtieth night of 400 packages to a repository that
// keeps 14, beside the second night to one that has one, and publishes the same night
// again. "times-second" is the ratio of the first two; they take turns, since a file
// system takes longer to make files while it remembers what was removed.
func BenchmarkPublish(b *testing.B) {
	first, many := filepath.Join(b.TempDir(), "first"), filepath.Join(b.TempDir(), "many")
	benchSnapshot(b, 1)(first)
	for day := 1; day < 30; day++ {
		benchSnapshot(b, day)(many)
	}
	b.Run("thirtieth night", func(b *testing.B) {
		second, thirtieth := benchSnapshot(b, 2), benchSnapshot(b, 30)
		var beside time.Duration
		for b.Loop() {
			b.StopTimer()
			to := linkTree(b, first)
			began := time.Now()
			second(to)
			beside += time.Since(began)
			to = linkTree(b, many)
			b.StartTimer()
			thirtieth(to)
		}
		b.ReportMetric(float64(b.Elapsed())/float64(beside), "times-second")
	})
	b.Run("same night", func(b *testing.B) {
		same := benchSnapshot(b, 29)
		for b.Loop() {
			same(many)
		}
	})
}

// benchSnapshot builds a night and gives what publishes it to a folder.
func benchSnapshot(b *testing.B, day int) func(dir string) {
	b.Helper()
	publish := benchSample(b, sample{name: benchDay(day), modules: 398, change: fmt.Sprint(day), size: codeSize})
	return func(dir string) { publish(dir, nil) }
}

func benchDay(day int) releases.SnapshotName {
	return releases.SnapshotName(fmt.Sprintf("2026-11-%02d", day))
}

// benchSample builds a snapshot and gives what publishes it to a folder, signed if somebody signs.
func benchSample(b *testing.B, s sample) func(dir string, by *trust.Authority) {
	b.Helper()
	store := newMemory()
	snapshot, o := s.build(b, store), options(b, store, s.name)
	o.Tries = []history.Entry{aTry(dayOf(s.name))}
	return func(dir string, by *trust.Authority) {
		o.Trust = by
		if _, err := Stage(o).Run(b.Context(), stages.PublishRequest{Snapshot: snapshot, To: dir, Keep: 30}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSigned publishes to a signed repository; "times-unsigned" is what it takes beside one that is not, by the
// quickest of each, and they take turns; "times-cpu" the same of processors' time. "metadata-KB" is all that is signed there, "new-KB" what the last publish made of it.
func BenchmarkSigned(b *testing.B) {
	for _, c := range []struct {
		name           string
		modules, count int // of each night, and nights before the one that is measured
		more           int // versions of an addition, in the place of nights
	}{
		{"30 nights of 30 packages", 28, 29, 0},
		{"30 nights of 400 packages", 398, 29, 0},
		{"mirror of 7500 versions", 398, 1, 18},
	} {
		b.Run(c.name, func(b *testing.B) {
			by := trusttest.Authority(b, testURL)
			root := b.TempDir()
			plain, signed := filepath.Join(root, "plain"), filepath.Join(root, "signed")
			snapshot := func(day, modules, more int) func(string, *trust.Authority) {
				s := sample{name: benchDay(day), modules: modules, change: fmt.Sprint(day), more: more}
				if c.more > 0 {
					s.name = "mirror-" + s.name
				}
				return benchSample(b, s)
			}
			for day := range c.count {
				publish := snapshot(day+1, c.modules, c.more)
				publish(plain, nil)
				publish(signed, by)
			}
			add := snapshot(c.count+1, min(c.modules, cmp.Or(c.more, c.modules)), min(c.more, 1))
			without, with := benchTime{1 << 62, 1 << 62}, benchTime{1 << 62, 1 << 62}
			var last string
			for b.Loop() {
				for _, dir := range []string{plain, signed} {
					b.StopTimer()
					to, who, took := linkTree(b, dir), (*trust.Authority)(nil), &without
					if dir == signed {
						last, who, took = to, by, &with
						b.StartTimer()
					}
					began := benchNow()
					add(to, who)
					ended := benchNow()
					took.wall, took.cpu = min(took.wall, ended.wall-began.wall), min(took.cpu, ended.cpu-began.cpu)
				}
			}
			before, after := benchMetadata(b, signed), benchMetadata(b, last)
			b.ReportMetric(float64(with.wall)/float64(without.wall), "times-unsigned")
			b.ReportMetric(float64(with.cpu)/float64(without.cpu), "times-cpu")
			b.ReportMetric(float64(sum(after, ""))/1e3, "metadata-KB")
			maps.DeleteFunc(after, func(name string, _ int64) bool { _, old := before[name]; return old && name != "timestamp.json" })
			b.ReportMetric(float64(sum(after, ""))/1e3, "new-KB")
		})
	}
}

// A benchTime is a time by the clock and by this process's processors.
type benchTime struct{ wall, cpu time.Duration }

func benchNow() benchTime {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // never fails
	return benchTime{time.Since(benchBegan), time.Duration(usage.Utime.Nano() + usage.Stime.Nano())}
}

var benchBegan = time.Now()

// benchMetadata are the sizes of the files of The Update Framework.
func benchMetadata(b *testing.B, dir string) map[string]int64 {
	b.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, trust.Dir))
	sizes := map[string]int64{}
	for _, e := range entries {
		info, errInfo := e.Info()
		if err = errors.Join(err, errInfo); err == nil {
			sizes[e.Name()] = info.Size()
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	return sizes
}

// linkTree makes the same files under another folder, which stays until the end of
// the benchmark. Publishing replaces files and never writes into one, so that both
// folders can share them.
func linkTree(b *testing.B, from string) (to string) {
	b.Helper()
	to, err := os.MkdirTemp(filepath.Dir(from), "repository-")
	if err != nil {
		b.Fatal(err)
	}
	err = filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
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
	syscall.Sync() // else the next flush waits for this
	return to
}
