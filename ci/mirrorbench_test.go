package ci

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The made-up repository that BenchmarkMirrorTags mirrors: about one of those
// that Magento's modules are developed in.
const (
	benchTags     = 102
	benchPackages = 60
	benchFiles    = 20 // of a package, of 1 to 8 KiB
)

// BenchmarkMirrorTags builds mirrors of a repository's last tags, in one go: of
// 2, 12, 52 and 102 of them. It reports what each of the last fifty costs, as a
// multiple of what each of the first ten after the second costs ("times-early":
// a mirror whose tags cost more the more there are gets slower every week), and
// in milliseconds.
func BenchmarkMirrorTags(b *testing.B) {
	m := newBenchMirror(b)
	mirror := func(tags int) time.Duration {
		took, out := m.run(m.folder(), fmt.Sprintf("1.%d.0", benchTags-tags+1))
		if want := fmt.Sprintf("%d tags, %d packages", tags, tags*benchPackages); !strings.Contains(out, want) {
			b.Fatalf("want %q in:\n%s", want, out)
		}
		return took
	}
	var early, late []time.Duration
	for b.Loop() {
		for range 3 {
			early = append(early, (mirror(12)-mirror(2))/10)
		}
		late = append(late, (mirror(102)-mirror(52))/50)
	}
	b.ReportMetric(float64(median(late))/float64(median(early)), "times-early")
	b.ReportMetric(float64(median(late).Microseconds())/1000, "ms/tag")
}

// BenchmarkMirrorNextTag adds the last tag to a mirror that has one, and to one to
// which a hundred and one were added one after the other, by turns. It reports how many
// times as long the latter takes ("times-second").
func BenchmarkMirrorNextTag(b *testing.B) {
	m := newBenchMirror(b)
	last := fmt.Sprintf("1.%d.0", benchTags)
	one, many := m.folder(), m.folder()
	m.run(one, "1.0.0", "--only", fmt.Sprintf("1.%d.0", benchTags-1))
	for tag := 1; tag < benchTags; tag++ {
		m.run(many, "1.0.0", "--only", fmt.Sprintf("1.%d.0", tag))
	}
	add := func(to string) time.Duration {
		linked := m.folder()
		if out, err := exec.Command("cp", "-al", to+"/.", linked).CombinedOutput(); err != nil {
			b.Skipf("needs a cp that links: %v\n%s", err, out)
		}
		syscall.Sync() // else the run waits for what is written of this
		took, out := m.run(linked, "1.0.0", "--only", last)
		if want := fmt.Sprintf("1 tag, %d packages", benchPackages); !strings.Contains(out, want) {
			b.Fatalf("want %q in:\n%s", want, out)
		}
		return took
	}
	var second, hundredth []time.Duration
	for b.Loop() {
		for range 5 {
			second, hundredth = append(second, add(one)), append(hundredth, add(many))
		}
	}
	b.ReportMetric(float64(median(hundredth))/float64(median(second)), "times-second")
	b.ReportMetric(float64(median(hundredth).Microseconds())/1000, "ms/tag")
}

// A benchMirror mirrors the made-up repository.
type benchMirror struct {
	*testing.B
	dir string
}

func newBenchMirror(b *testing.B) benchMirror {
	b.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		b.Skip("no git on this machine, which makes the repository: Debian package git")
	}
	m := benchMirror{b, b.TempDir()}
	taggedRepository(b, filepath.Join(m.dir, "source"))
	return m
}

// folder is for a mirror and its store. It stays: making files is slow for minutes
// after removing many.
func (m benchMirror) folder() string {
	m.Helper()
	dir, err := os.MkdirTemp(m.dir, "run-")
	if err != nil {
		m.Fatal(err)
	}
	return dir
}

// run mirrors the tags from a first one on.
func (m benchMirror) run(to, from string, args ...string) (took time.Duration, out string) {
	m.Helper()
	line := filepath.Join(m.dir, "line.yaml")
	text := fmt.Sprintf("name: bench\ntitle: Bench\nvendor: bench\nurl: https://example.org/\nversions: {policy: tags}\nrepositories:\n"+
		"  - name: source\n    url: file://%s\n    from: %s\n    packages: [{each: .}]\n", filepath.Join(m.dir, "source"), from)
	if err := os.WriteFile(line, []byte(text), 0o644); err != nil {
		m.Fatal(err)
	}
	args = append([]string{"mirror", "--line", line, "--store", filepath.Join(to, "store"), "--to", filepath.Join(to, "html")}, args...)
	start := time.Now()
	code, out, failed := run(m.B, "", args...)
	took = time.Since(start)
	if code != 0 {
		m.Fatalf("exit code %d:\n%s\n%s", code, out, failed)
	}
	return took, out
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// taggedRepository makes a git repository with a tag 1.n.0 for each n up to
// benchTags. In each, every package has another version and one other file.
func taggedRepository(b *testing.B, dir string) {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	source := func() string {
		var text strings.Builder
		text.WriteString("<?php\n")
		for size := 1024 + random.IntN(7*1024); text.Len() < size; {
			fmt.Fprintf(&text, "    public function get%x(int $value): string { return 'v%x' . $value; }\n", random.Uint32(), random.Uint32())
		}
		return text.String()
	}
	var stream bytes.Buffer
	file := func(path, text string) {
		fmt.Fprintf(&stream, "M 100644 inline %s\ndata %d\n%s\n", path, len(text), text)
	}
	for tag := 1; tag <= benchTags; tag++ {
		fmt.Fprintf(&stream, "commit refs/heads/main\nmark :%d\ncommitter a <a@example.org> %d +0000\ndata 3\ntag\n", tag, 1_700_000_000+tag)
		for p := range benchPackages {
			file(fmt.Sprintf("Module%d/composer.json", p), fmt.Sprintf(`{"name": "bench/module-%d", "type": "magento2-module", "version": "1.%d.0", "require": {"php": "~8.2.0"}}`, p, tag))
			if tag > 1 {
				file(fmt.Sprintf("Module%d/Model/Class%d.php", p, tag%benchFiles), source())
				continue
			}
			for f := range benchFiles {
				file(fmt.Sprintf("Module%d/Model/Class%d.php", p, f), source())
			}
		}
		fmt.Fprintf(&stream, "reset refs/tags/1.%d.0\nfrom :%d\n", tag, tag)
	}
	for _, args := range [][]string{{"init", "--quiet", "--bare", dir}, {"-C", dir, "fast-import", "--quiet"}} {
		cmd := exec.Command("git", args...)
		if args[0] != "init" {
			cmd.Stdin = &stream
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("git %s: %v\n%s", args, err, out)
		}
	}
}
