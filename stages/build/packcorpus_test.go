package build

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline"
)

// generate writes git repositories of about the size and shape of Magento's
// sources: one of forty holds most files and packages, and many files are PHP of
// a few kilobytes. The same call gives the same repositories.
func generate(tb testing.TB, files int) string {
	tb.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		tb.Skip("needs git: ", err)
	}
	dir := tb.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	words := vocabulary(random)
	for r := range 40 {
		n, packages := files/200, 1+r%5
		if r == 0 {
			n, packages = files*4/5, max(1, files/215)
		}
		generateRepository(tb, filepath.Join(dir, fmt.Sprintf("repository-%02d", r)), random, words, n, packages)
	}
	return dir
}

func vocabulary(random *rand.Rand) []string {
	words := make([]string, 4000)
	for i := range words {
		b := make([]byte, 3+random.IntN(8))
		for j := range b {
			b[j] = "etaoinshrdlucmfwypvbgkqjxz"[min(random.IntN(26), random.IntN(26))]
		}
		words[i] = string(b)
	}
	return words
}

func generateRepository(tb testing.TB, dir string, random *rand.Rand, words []string, files, packages int) {
	tb.Helper()
	git(tb, "", "init", "--quiet", "--initial-branch=main", dir)
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriterSize(w, 1<<20)
		fmt.Fprint(b, "commit refs/heads/main\ncommitter Test <test@example.com> 1700000000 +0000\ndata 0\n")
		file := func(mode, name, content string) {
			fmt.Fprintf(b, "M %s inline %s\ndata %d\n%s\n", mode, name, len(content), content)
		}
		for p := range packages {
			folder := fmt.Sprintf("app/code/Vendor/Module%03d/", p)
			file("100644", folder+"composer.json", fmt.Sprintf("{\"name\": \"vendor/module-%03d\"}\n", p))
			for i := range files / packages {
				name := fmt.Sprintf("%sModel/%s/Class%04d.php", folder, words[i%17], i)
				file("100644", name, php(random, words))
			}
		}
		w.CloseWithError(b.Flush())
	}()
	cmd := exec.Command("git", "-C", dir, "fast-import", "--quiet")
	cmd.Stdin = r
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

// php gives a class of 1 to 16 KB, half of them below 4.
func php(random *rand.Rand, words []string) string {
	word := func() string {
		return words[min(random.IntN(len(words)), random.IntN(len(words)), random.IntN(len(words)))]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<?php\n/**\n * Copyright %s.\n * See COPYING.txt for license details.\n */\ndeclare(strict_types=1);\n\nnamespace Vendor\\%s;\n\nclass %s\n{\n", word(), word(), word())
	size := 1000 << random.IntN(5)
	for b.Len() < size {
		fmt.Fprintf(&b, "    /**\n     * @param %s $%s\n     * @return $this\n     */\n", word(), word())
		fmt.Fprintf(&b, "    public function %s(%s $%s): self\n    {\n", word(), word(), word())
		for range 1 + random.IntN(6) {
			fmt.Fprintf(&b, "        $this->%s->%s($%s, '%s_%s');\n", word(), word(), word(), word(), word())
		}
		b.WriteString("        return $this;\n    }\n\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func git(tb testing.TB, dir string, args ...string) {
	tb.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// load adds the main branches of a folder of git repositories to a store, and
// makes a package of every folder that has a composer.json.
func load(tb testing.TB, s pipeline.Store, dir string) []packing {
	tb.Helper()
	repositories, err := filepath.Glob(filepath.Join(dir, "*", ".git"))
	if err != nil || len(repositories) == 0 {
		tb.Fatalf("no git repositories in %s: %v", dir, err)
	}
	var all []packing
	for _, r := range repositories {
		all = append(all, divide(filepath.Base(filepath.Dir(r)), archive(tb, s, filepath.Dir(r)))...)
	}
	return all
}

// archive gives the files of a repository's main branch.
func archive(tb testing.TB, s pipeline.Store, dir string) []pipeline.File {
	tb.Helper()
	cmd := exec.Command("git", "-C", dir, "archive", "main")
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Skip("needs git: ", err)
	}
	var files []pipeline.File
	for r := tar.NewReader(out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			tb.Fatalf("git archive of %s: %v", dir, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		mode := pipeline.Regular
		if h.Mode&0o100 != 0 {
			mode = pipeline.Executable
		}
		digest, size, err := s.Add(context.Background(), r)
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, pipeline.File{Path: h.Name, Mode: mode, Size: size, Digest: digest})
	}
	if err := cmd.Wait(); err != nil {
		tb.Fatalf("git archive of %s: %v", dir, err)
	}
	return files
}

// divide gives each file to the package in the nearest folder above it, or to
// one for the whole repository.
func divide(repository string, files []pipeline.File) []packing {
	at := map[string]*packing{".": {Name: "vendor/" + repository}}
	for _, f := range files {
		if folder := path.Dir(f.Path); path.Base(f.Path) == manifestFile && folder != "." {
			at[folder] = &packing{Name: "vendor/" + repository + "-" + strings.ReplaceAll(folder, "/", "-")}
		}
	}
	for _, f := range files {
		folder := path.Dir(f.Path)
		for at[folder] == nil {
			folder = path.Dir(folder)
		}
		if f.Path = strings.TrimPrefix(f.Path, folder+"/"); f.Path != manifestFile {
			at[folder].Files = append(at[folder].Files, f)
		}
	}
	var all []packing
	for _, p := range at {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b packing) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// release gives the packings one version.
func release(packings []packing, version string) []packing {
	all := slices.Clone(packings)
	for i := range all {
		all[i].Version = version
		all[i].Manifest = fmt.Appendf(nil, "{\n    \"name\": %q,\n    \"version\": %q\n}\n", all[i].Name, version)
	}
	return all
}

// yardstick is `git archive | gzip -1` of all repositories, two at a time.
func yardstick(tb testing.TB, dir string) {
	tb.Helper()
	cmd := exec.Command("sh", "-c", `ls -d */ | xargs -P2 -I{} sh -c 'git -C {} archive main | gzip -1 | wc -c >/dev/null'`)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("git archive | gzip: %v\n%s", err, out)
	}
}

// sources gives NIGHTLY_SOURCES, or skips.
func sources(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("NIGHTLY_SOURCES")
	if dir == "" {
		tb.Skip("NIGHTLY_SOURCES is not set: a folder of git repositories to pack")
	}
	return dir
}
