package target_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/publish/target/targettest"
)

// each runs a test on every kind of target that a test can have.
func each(t *testing.T, test func(t *testing.T, url string, o target.Options)) {
	t.Helper()
	t.Run("folder", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "new", "place"), target.Options{}) })
	t.Run("sftp", func(t *testing.T) {
		server := targettest.StartSSH(t)
		test(t, server.URL(filepath.Join(t.TempDir(), "new", "place")), target.Options{SSH: server.Login})
	})
	t.Run("s3", func(t *testing.T) { test(t, targettest.StartS3(t), target.Options{}) })
	t.Run("real s3", func(t *testing.T) { test(t, targettest.StartRealS3(t, asIs), target.Options{}) })
}

// asIs puts nothing before a server.
func asIs(server http.Handler) http.Handler { return server }

func open(t *testing.T, url string, o target.Options) target.Target {
	t.Helper()
	opened, err := target.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return opened
}

func lock(t *testing.T, at target.Target, h target.Holder) func() error {
	t.Helper()
	_, release, err := at.Lock(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func TestTargets(t *testing.T) {
	each(t, func(t *testing.T, url string, o target.Options) {
		ctx := t.Context()
		at := open(t, url, o)
		if found, err := at.List(ctx, "."); len(found) != 0 || err != nil {
			t.Fatalf("an empty target has %v, %v", found, err)
		}
		release := lock(t, at, target.Holder{Name: "test"})
		big := bytes.Repeat([]byte("0123456789abcdef"), 400_000) // several packets and parts
		files := map[string][]byte{"packages.json": []byte("{}"), "dists/a/x y+z.zip": big, "dists/a/empty": {}, "dists/b/one": []byte("1")}
		for name, data := range files {
			if err := at.Write(ctx, name, target.Bytes(data)); err != nil {
				t.Fatal(err)
			}
			if got, err := target.Read(ctx, at, name); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s: %d bytes read, %v", name, len(got), err)
			}
		}
		if err := at.Write(ctx, "packages.json", target.Bytes([]byte("new"))); err != nil {
			t.Fatal("write over it:", err)
		}
		if err := errors.Join(at.Flush(ctx), release()); err != nil {
			t.Fatal(err)
		}
		want := []string{"dists/a d", "dists/a/empty 0", "dists/a/x y+z.zip 6400000", "dists/b d", "dists/b/one 1"}
		if diff := cmp.Diff(want, listed(t, at, "dists")); diff != "" {
			t.Error(diff)
		}
		if got, err := target.Read(ctx, at, "packages.json"); string(got) != "new" {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := target.Read(ctx, at, "dists/a/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a file that is not there: %v", err)
		}
		if err := at.Remove(ctx, []string{"dists/a/none", "dists/a/empty", "dists/a/x y+z.zip"}); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"dists/b d", "dists/b/one 1"}, listed(t, at, "dists")); diff != "" {
			t.Error("an empty directory stays:", diff)
		}
	})
}

// A pipe in place of a file is an error at once.
func TestPlainFilesAlone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"pipe", ".publish.lock"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o644); err != nil {
			t.Skip(err)
		}
	}
	check := func(t *testing.T, url string, o target.Options) {
		at := open(t, url, o)
		if _, err := at.Open(t.Context(), "pipe"); err == nil || !strings.Contains(err.Error(), "is no plain file") {
			t.Errorf("it is read: %v", err)
		}
		if _, err := at.List(t.Context(), "pipe"); err == nil && url == dir {
			t.Error("it is listed")
		}
	}
	t.Run("folder", func(t *testing.T) {
		check(t, dir, target.Options{})
		if _, _, err := open(t, dir, target.Options{}).Lock(t.Context(), target.Holder{Name: "test"}); err == nil || !strings.Contains(err.Error(), "is no plain file") {
			t.Errorf("it is a lock: %v", err)
		}
	})
	t.Run("sftp", func(t *testing.T) {
		server := targettest.StartSSH(t)
		check(t, server.URL(dir), target.Options{SSH: server.Login})
	})
}

// A server that hangs holds up nobody who was stopped.
func TestStopped(t *testing.T) {
	server := targettest.StartSSH(t)
	ctx, stop := context.WithCancel(t.Context())
	waited := make(chan time.Duration, 1)
	at, err := target.Open(ctx, server.URL(t.TempDir()), target.Options{SSH: server.Login, Wait: func(_ context.Context, d time.Duration) error {
		waited <- d
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	stop()
	if d := <-waited; d != 30*time.Second {
		t.Errorf("left after %s", d)
	}
	for err == nil || errors.Is(err, fs.ErrNotExist) {
		_, err = at.Open(t.Context(), "none")
	}
}

func listed(t *testing.T, at target.Target, dir string) []string {
	t.Helper()
	entries, err := target.Walk(t.Context(), at, dir)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range entries {
		if e.Dir {
			list = append(list, e.Name+" d")
			continue
		}
		data, err := target.Read(t.Context(), at, e.Name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprint(e.Name, " ", len(data)))
	}
	slices.Sort(list)
	return list
}

func TestSame(t *testing.T) {
	each(t, func(t *testing.T, url string, o target.Options) {
		at := open(t, url, o)
		release := lock(t, at, target.Holder{Name: "test"})
		if err := at.Write(t.Context(), "a/b", target.Bytes([]byte("abc"))); err != nil {
			t.Fatal(err)
		}
		entries, err := at.List(t.Context(), "a")
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		for text, want := range map[string]bool{"abc": true, "abcd": false, "": false} {
			if same, err := at.Same(t.Context(), entries[0], target.Bytes([]byte(text))); same != want || err != nil {
				t.Errorf("%q: %v, %v", text, same, err)
			}
		}
		if same, err := at.Same(t.Context(), entries[0], target.Bytes([]byte("xyz"))); same || err != nil {
			t.Errorf("other content of the same size: %v, %v", same, err)
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	})
}

// A content that is not what it should be, and one that cannot be read, leave what
// was there.
func TestWriteFails(t *testing.T) {
	each(t, func(t *testing.T, url string, o target.Options) {
		at := open(t, url, o)
		release := lock(t, at, target.Holder{Name: "test"})
		if err := at.Write(t.Context(), "a/b", target.Bytes([]byte("old"))); err != nil {
			t.Fatal(err)
		}
		damaged := target.Bytes([]byte("new"))
		damaged.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("bad")), nil }
		broken := target.Bytes([]byte("new"))
		broken.Open = func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("ne"), failing{})), nil
		}
		for want, content := range map[string]target.Content{"the store is damaged": damaged, "disk is gone": broken} {
			if err := at.Write(t.Context(), "a/b", content); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
			if got, err := target.Read(t.Context(), at, "a/b"); string(got) != "old" {
				t.Errorf("%q is there now, %v", got, err)
			}
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk is gone") }

func TestOpenRefuses(t *testing.T) {
	for _, test := range []struct{ name, to, want string }{
		{"nothing", "", "no target"},
		{"unknown", "ftp://u:secret@host/x", "cannot publish to ftp://u:xxxxx@host/x"},
		{"file with a host", "file://elsewhere/x", "give a folder"},
		{"no URL", "sftp://u:secret@host:port/x", "target to publish to"},
		{"sftp with a password", "sftp://u:secret@host/x", "a password is not taken"},
		{"sftp without a folder", "sftp://host/", "give a host and a folder"},
		{"sftp without a host", "ssh:///x", "give a host and a folder"},
		{"s3 without a bucket", "s3:///x", "give a bucket"},
		{"s3 with a key", "s3://key:secret@bucket/x", "keys come from the environment"},
		{"s3 with an unknown option", "s3://bucket/x?option=secret", "publish to s3://bucket/x: \"option\" is no option"},
		{"Google", "gs://bucket/x?key=secret", "s3://bucket/folder?endpoint=https://storage.googleapis.com"},
		{"Azure", "azblob://secret:secret@container/x", "rclone serve s3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := target.Open(t.Context(), test.to, target.Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if strings.Contains(err.Error(), ":secret") || strings.Contains(err.Error(), "=secret") {
				t.Errorf("error %q shows the password", err)
			}
			var address *target.AddressError
			if !errors.As(err, &address) || !errors.As(target.Check(test.to, target.Options{}), &address) {
				t.Errorf("error %q is none of the address", err)
			}
		})
	}
}

func TestSFTPChecksWhoItIs(t *testing.T) {
	server := targettest.StartSSH(t)
	port := server.Port
	dir := t.TempDir()
	for _, test := range []struct {
		name  string
		login remote.SSH
		want  string
	}{
		{"a server with another key", remote.SSH{Keys: server.Login.Keys, KnownHosts: []string{server.KnownHosts(t, "stranger", port)}}, "another key"},
		{"a server that is not known", remote.SSH{Keys: server.Login.Keys, KnownHosts: []string{server.KnownHosts(t, "host", port+1)}}, "known"},
		{"a user that is not let in", remote.SSH{Keys: []string{filepath.Join(server.Dir, "stranger")}, KnownHosts: server.Login.KnownHosts}, "key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := target.Open(t.Context(), server.URL(dir), target.Options{SSH: test.login})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), server.Address) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// Files are for a web server, whatever the umask of the login is.
func TestSFTPModes(t *testing.T) {
	server, dir := targettest.StartSSH(t), t.TempDir()
	at := open(t, server.URL(dir), target.Options{SSH: server.Login})
	if err := at.Write(t.Context(), "a/b", target.Bytes([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"a": fs.ModeDir | 0o755, "a/b": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestWeb(t *testing.T) {
	files := http.FileServer(http.FS(os.DirFS("testdata")))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.RequestURI {
		case "/broken":
			http.Error(w, "no", http.StatusBadGateway)
			return
		case "/dists/acme/a-1.0%2Bp1.zip": // an object store finds no bare +
			_, _ = io.WriteString(w, "zip")
			return
		}
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	at, err := target.OpenWeb(server.URL, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.Read(t.Context(), at, "none/x.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if data, err := target.Read(t.Context(), at, "dists/acme/a-1.0+p1.zip"); err != nil || string(data) != "zip" {
		t.Errorf("a plus sign: %q, %v", data, err)
	}
	if _, err := target.Read(t.Context(), at, "broken"); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "502") {
		t.Errorf("error %v", err)
	}
	if _, err := target.OpenWeb("ftp://u:secret@host", nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

// A file without content is there: an empty signature must not pass for none.
func TestReadIfThere(t *testing.T) {
	each(t, func(t *testing.T, url string, o target.Options) {
		at := open(t, url, o)
		err := target.Locked(t.Context(), at, target.Holder{Name: "test"}, func(ctx context.Context) error {
			return at.Write(ctx, "empty", target.Bytes(nil))
		})
		if err != nil {
			t.Fatal(err)
		}
		if data, err := target.ReadIfThere(t.Context(), at, "empty"); data == nil || err != nil {
			t.Errorf("an empty file: %v, %v", data, err)
		}
		if data, err := target.ReadIfThere(t.Context(), at, "none"); data != nil || err != nil {
			t.Errorf("no file: %v, %v", data, err)
		}
	})
}
