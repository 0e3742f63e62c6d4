package build

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestZipManyEntries: from 65,535 entries on their number is in a zip64 record.
func TestZipManyEntries(t *testing.T) {
	for _, n := range []int{math.MaxUint16 - 1, math.MaxUint16, math.MaxUint16 + 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var b bytes.Buffer
			z := newZipWriter(bufio.NewWriter(&b))
			for i := range n {
				if err := z.add(&entry{path: fmt.Sprintf("%06d", i), mode: zipRegular}, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := z.finish(); err != nil {
				t.Fatal(err)
			}
			r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
			if err != nil {
				t.Fatal(err)
			}
			if got, last := len(r.File), r.File[len(r.File)-1].Name; got != n || last != fmt.Sprintf("%06d", n-1) {
				t.Errorf("read %d entries to %s; want %d", got, last, n)
			}
			if n != math.MaxUint16+1 {
				return
			}
			path := filepath.Join(t.TempDir(), "many.zip")
			if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			readByOthers(t, path)
		})
	}
}

// readByOthers checks a zip with programs that know nothing of ours.
func readByOthers(t *testing.T, path string) {
	t.Helper()
	for _, command := range [][]string{{"unzip", "-tqq", path}, {"python3", "-m", "zipfile", "-t", path}} {
		if _, err := exec.LookPath(command[0]); err != nil {
			t.Logf("%s is not here to read it: %v", command[0], err)
			continue
		}
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil || strings.Contains(string(out), "corrupted") {
			t.Errorf("%s: %v\n%s", strings.Join(command, " "), err, out)
		}
	}
}

func TestZipTooLarge(t *testing.T) {
	tests := []struct {
		name  string
		at    int64
		entry entry
	}{
		{"a file", 0, entry{path: "f", packed: 10, size: math.MaxUint32}},
		{"all files together", math.MaxUint32 - 100, entry{path: "f", packed: 100, size: 100}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			z := newZipWriter(bufio.NewWriter(io.Discard))
			z.offset = test.at
			err := z.add(&test.entry, nil)
			if err == nil || !strings.Contains(err.Error(), "f makes the dist larger than 4 GiB") {
				t.Errorf("error %v; want one that names the file and the limit", err)
			}
		})
	}
	z := newZipWriter(bufio.NewWriter(io.Discard))
	z.offset = math.MaxUint32 - 60
	if err := z.add(&entry{path: "f"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := z.finish(); err == nil {
		t.Error("a central directory beyond 4 GiB was written")
	}
}

// TestZipComposer extracts a dist with the program that it is made for.
func TestZipComposer(t *testing.T) {
	for _, tool := range []string{"composer", "unzip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs composer and unzip: ", err)
		}
	}
	s := openStore(t)
	packed, err := (&packer{store: s}).pack(context.Background(), release([]packing{module(t, s)}, "1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := save(t, s, packed[0], dir)
	readByOthers(t, path)
	project := filepath.Join(dir, "project")
	if err := os.Mkdir(project, 0o777); err != nil {
		t.Fatal(err)
	}
	// A package repository, because only there Composer compares the SHA-1.
	root := fmt.Sprintf(`{"repositories": [{"packagist.org": false}, {"type": "package", "package": {"name": "mage-os/module-sample_data",
		"version": "1.0.0", "dist": {"type": "zip", "url": %q, "shasum": %q}}}], "require": {"mage-os/module-sample_data": "1.0.0"}}`,
		"file://"+path, packed[0].SHA1)
	if err := os.WriteFile(filepath.Join(project, "composer.json"), []byte(root), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("composer", "install", "--no-interaction", "--no-plugins", "--no-scripts", "--prefer-dist")
	cmd.Dir = project
	cmd.Env = append(os.Environ(), "COMPOSER_HOME="+filepath.Join(dir, "home"), "COMPOSER_ALLOW_SUPERUSER=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("composer install: %v\n%s", err, out)
	}
	want := []string{
		"drwxr-xr-x .", "drwxr-xr-x app", "drwxr-xr-x app/code", "drwxr-xr-x app/code/Magento", "drwxr-xr-x bin", "-rwxr-xr-x bin/run",
		"-rw-r--r-- bin.txt", "-rw-r--r-- composer.json", "-rw-r--r-- registration.php", "drwxr-xr-x view", "-rw-r--r-- view/empty.css",
		"-rw-r--r-- view/größe.txt", "Lrwxrwxrwx view/link", "-rw-r--r-- view/noise.png",
	}
	if diff := cmp.Diff(want, installed(t, filepath.Join(project, "vendor/mage-os/module-sample_data"))); diff != "" {
		t.Errorf("installed (-want +got):\n%s", diff)
	}
}

// installed lists a folder with its modes.
func installed(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		all = append(all, info.Mode().String()+" "+name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
