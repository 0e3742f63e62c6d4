package verify

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
)

// A zip that could do harm where it is unpacked is refused, by what it would do.
func TestZip(t *testing.T) {
	pkg := &releases.ManifestPackage{Name: "acme/a", Version: "1.0.0", Type: "library", Commit: strings.Repeat("a", 40)}
	composerJSON := entry{name: "composer.json", text: `{"name":"acme/a","version":"1.0.0"}`}
	tests := []struct {
		name string
		data []byte
		want string // part of the error; empty: none
	}{
		{"a good one", zipOf(t, composerJSON, entry{name: "src/"}, entry{name: "src/a.php", text: "<?php"}), ""},
		{"no zip", []byte("PK"), "is no zip"},
		{"cut off", zipOf(t, composerJSON)[:60], "is no zip"},
		{"a symbolic link", zipOf(t, composerJSON, entry{name: "x", text: "/etc/passwd", mode: fs.ModeSymlink}), "has a symbolic link"},
		{"a device", zipOf(t, composerJSON, entry{name: "x", mode: fs.ModeDevice}), "is no plain file"},
		{"setuid", zipOf(t, composerJSON, entry{name: "x", mode: fs.ModeSetuid}), "is no plain file"},
		{"a path that climbs out", zipOf(t, composerJSON, entry{name: "../../x"}), "climbs out"},
		{"a path within that climbs out", zipOf(t, composerJSON, entry{name: "src/../../x"}), "climbs out"},
		{"an absolute path", zipOf(t, composerJSON, entry{name: "/etc/cron.d/x"}), "climbs out"},
		{"a path of Windows", zipOf(t, composerJSON, entry{name: `..\..\x`}), "climbs out"},
		{"a name with a control character", zipOf(t, composerJSON, entry{name: "a\x00b"}), "climbs out"},
		{"a name twice", zipOf(t, composerJSON, composerJSON), "twice"},
		{"a zip bomb", zipOf(t, composerJSON, entry{name: "x", text: strings.Repeat("\x00", 8<<20)}), "is a zip bomb"},
		{"a zip bomb of many", zipOf(t, append([]entry{composerJSON}, many(entry{text: strings.Repeat("\x00", 1<<18)}, 40)...)...), "is a zip bomb"},
		{"a size that is a lie", lie(t, zipOf(t, composerJSON, entry{name: "x", text: strings.Repeat("\x00", 1<<20)})), "unpack"},
		{"no composer.json", zipOf(t, entry{name: "x"}), "has no composer.json"},
		{"the composer.json of another", zipOf(t, entry{name: "composer.json", text: `{"name":"acme/b","version":"1.0.0"}`}), `is of "acme/b"`},
		{"of another version", zipOf(t, entry{name: "composer.json", text: `{"name":"acme/a","version":"1.0.1"}`}), "is of version"},
		{"of another type", zipOf(t, entry{name: "composer.json", text: `{"name":"acme/a","version":"1.0.0","type":"composer-plugin"}`}), "is of type"},
		{"with another require", zipOf(t, entry{name: "composer.json", text: `{"name":"acme/a","version":"1.0.0","require":{"evil/b":"*"}}`}), "requires"},
		{"with an autoloader that fails", zipOf(t, entry{name: "composer.json", text: `{"name":"acme/a","version":"1.0.0","autoload":{"files":["a.php"]}}`}), `names autoload.files "a.php"`},
		{"a composer.json nested without end", zipOf(t, entry{name: "composer.json", text: strings.Repeat("[", 1<<16)}), "composer.json"},
		{"a composer.json of many bytes", zipOf(t, entry{name: "composer.json", text: `{"name":"` + noise(5<<20) + `"}`}), "has a composer.json of"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var c check
			err := c.checkZip(test.data, pkg)
			if again := c.checkZip(test.data, pkg); fmt.Sprint(again) != fmt.Sprint(err) { // what is bad is bad each time
				t.Errorf("the first time: %v\nthe second: %v", err, again)
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v; want %q", err, test.want)
			}
		})
	}
}

func many(e entry, n int) []entry {
	all := make([]entry, n)
	for i := range all {
		all[i] = e
		all[i].name = strings.Repeat("x", i+1)
	}
	return all
}

// noise is text that does not pack well.
func noise(n int) string {
	text := make([]byte, n)
	state := uint32(1)
	for i := range text {
		state = state*1664525 + 1013904223
		text[i] = 'a' + byte(state>>24)%26
	}
	return string(text)
}

// lie gives the last entry a small size in the zip's directory.
func lie(t *testing.T, data []byte) []byte {
	t.Helper()
	at := bytes.LastIndex(data, []byte("PK\x01\x02"))
	if at < 0 {
		t.Fatal("no directory")
	}
	binary.LittleEndian.PutUint32(data[at+24:], 10)
	if _, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	return data
}
