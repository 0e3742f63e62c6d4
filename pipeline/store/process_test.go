//go:build linux

package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// helper names, in the environment, what this test program does instead of its
// tests, so that a test has another process to kill or to bind.
const helper = "NIGHTLY_STORE_HELPER"

func TestMain(m *testing.M) {
	dir := os.Getenv("NIGHTLY_STORE_DIR")
	switch os.Getenv(helper) {
	case "":
		os.Exit(m.Run())
	case "add":
		fillForever(dir)
	case "limited":
		limited(dir)
	case "reader":
		readOnly(dir)
	}
	os.Exit(0)
}

// start starts this program as a helper on the store in dir.
func start(t *testing.T, mode, dir string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), helper+"="+mode, "NIGHTLY_STORE_DIR="+dir)
	return cmd
}

// fillForever writes everything that a store holds, and a line for each round.
func fillForever(dir string) {
	ctx := context.Background()
	s, err := store.Open(dir)
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	for round := 0; ; round++ {
		var list []pipeline.File
		for i := range 20 {
			content := source(20*round + i)
			if i == 0 {
				content = bytes.Repeat(content, 1000)
			}
			digest, size, err := s.Add(ctx, bytes.NewReader(content))
			if err != nil {
				fmt.Println("failed", err)
				return
			}
			list = append(list, pipeline.File{Path: fmt.Sprint(i), Mode: pipeline.Regular, Size: size, Digest: digest})
		}
		tree, err := s.Save(ctx, list)
		if err == nil {
			err = s.Results().Save(ctx, tree.Digest, []byte(`{"tree":"`+tree.Digest+`"}`))
		}
		if err == nil {
			err = s.Cache("c").Put(ctx, fmt.Sprint(round%7), bytes.NewReader(source(round)))
		}
		if err != nil {
			fmt.Println("failed", err)
			return
		}
		fmt.Println(tree.Digest)
	}
}

func TestKilled(t *testing.T) {
	dir := t.TempDir()
	var saved []pipeline.Digest
	for kill := range 6 {
		cmd := start(t, "add", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n <= 5*kill && lines.Scan(); n++ {
			saved = append(saved, pipeline.Digest(lines.Text()))
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the helper ended by itself")
		}
	}
	s := open(t, dir)
	for _, d := range saved {
		if err := s.Check(t.Context(), pipeline.Tree{Digest: d}); err != nil {
			t.Error(err)
		}
		if _, err := s.Results().Load(t.Context(), d); err != nil {
			t.Error(err)
		}
	}
	checkWhole(t, dir)
}

// checkWhole reads every content that a tree of the store names.
func checkWhole(t *testing.T, dir string) {
	t.Helper()
	s := open(t, dir)
	seen := 0
	for _, name := range files(t, filepath.Join(dir, "trees")) {
		tree := pipeline.Tree{Digest: pipeline.Digest(name)}
		if tree.Digest.Valid() != nil { // half-written, and by its name no tree
			continue
		}
		list, err := s.Files(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			seen++
			if _, err := read(t, s, f.Digest); err != nil {
				t.Error(err)
			}
		}
	}
	if seen == 0 {
		t.Error("no content at all")
	}
}

// limited adds while files may not grow beyond 64 KiB, as on a full disk.
func limited(dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := store.Open(dir)
	if err == nil {
		defer func() { fmt.Println("closed", errors.Is(s.Close(), syscall.EFBIG)) }()
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10})
	}
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	for _, n := range []int{1000, 500_000, 5_000_000} {
		_, size, err := s.Add(context.Background(), bytes.NewReader(make([]byte, n)))
		fmt.Println("content", size, errors.Is(err, syscall.EFBIG))
		err = s.Cache("c").Put(context.Background(), fmt.Sprint(n), bytes.NewReader(make([]byte, n)))
		fmt.Println("entry", errors.Is(err, syscall.EFBIG))
	}
}

func TestFailedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	out, err := start(t, "limited", dir).CombinedOutput()
	want := "content 1000 false\nentry false\ncontent 0 true\nentry false\ncontent 0 true\nentry true\nclosed true\n"
	if string(out) != want || err != nil {
		t.Errorf("%s, %v", out, err)
	}
	for _, folder := range []string{"segments", "cache"} {
		if got := files(t, filepath.Join(dir, folder)); len(got) != 1 {
			t.Errorf("in %s: %v", folder, got)
		}
	}
	if _, err := read(t, open(t, dir), pipeline.DigestOf(make([]byte, 1000))); err != nil {
		t.Errorf("what was added before: %v", err)
	}
	if got := files(t, filepath.Join(dir, "blobs")); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// readOnly uses a store that it must not write.
func readOnly(dir string) {
	ctx := context.Background()
	if err := dropRoot(); err != nil {
		fmt.Println("failed", err)
		return
	}
	s, err := store.Open(dir)
	if err != nil {
		fmt.Println("open:", err)
		return
	}
	c, err := s.Open(ctx, pipeline.DigestOf([]byte("there")))
	if err != nil {
		fmt.Println("content:", err)
		return
	}
	data, err := io.ReadAll(c)
	fmt.Println(string(data), err)
	_, _, err = s.Add(ctx, strings.NewReader("there"))
	fmt.Println("there already:", err)
	_, _, err = s.Add(ctx, strings.NewReader("new"))
	fmt.Println(errors.Is(err, fs.ErrPermission), strings.Contains(fmt.Sprint(err), "make the folder writable, or choose another"))
	_, err = s.Cache("c").Get(ctx, "key")
	fmt.Println("entry:", err)
}

func TestReadOnlyStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir)
	if _, err := s.Save(t.Context(), []pipeline.File{add(t, s, []byte("there"))}); err != nil {
		t.Fatal(err)
	}
	if err := s.Cache("c").Put(t.Context(), "key", strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			t.Cleanup(func() { os.Chmod(path, 0o755) })
			err = os.Chmod(path, 0o555)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "there <nil>\nthere already: <nil>\ntrue true\nentry: <nil>\n"
	if got := asBound(t, dir); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestStoreThatCannotBeMade(t *testing.T) {
	parent := t.TempDir()
	if err := os.Chmod(parent, 0o555); err != nil {
		t.Fatal(err)
	}
	got := asBound(t, filepath.Join(parent, "store"))
	for _, want := range []string{"open: make the store in " + parent, "permission denied", "choose a folder that can be written"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want it with %q", got, want)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(file); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a file is taken for a store: %v", err)
	}
}

// asBound runs the helper, which permissions bind even if it is root's.
func asBound(t *testing.T, dir string) string {
	t.Helper()
	out, err := start(t, "reader", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return string(out)
}

// dropRoot gives up root's right to pass over permissions, for this thread.
func dropRoot() error {
	if os.Getuid() != 0 {
		return nil
	}
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData // version 3 reads two
	return unix.Capset(&header, &none[0])
}
