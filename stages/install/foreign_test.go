package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadForeign(t *testing.T) {
	dir := t.TempDir()
	good, large, device := filepath.Join(dir, "module.xml"), filepath.Join(dir, "large.xml"), filepath.Join(dir, "device.xml")
	if err := os.WriteFile(good, []byte("<config/>"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxForeign+1); err != nil { // takes no space
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", device); err != nil {
		t.Skip(err)
	}
	for name, test := range map[string]struct{ file, want, fails string }{
		"plain":    {good, "<config/>", ""},
		"large":    {large, "", "large.xml has more than 64 MiB"},
		"a device": {device, "", "device.xml is no plain file"},
		"a folder": {dir, "", "is no plain file"},
		"missing":  {filepath.Join(dir, "none"), "", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readForeign(test.file)
			if string(got) != test.want || (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("%.20q, %v", got, err)
			}
		})
	}
}
