package publish

import (
	"crypto/sha1"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases/composer"
)

// A satis is a repository in the shapes that satis writes.
type satis struct {
	files map[string][]byte
	all   map[string][]map[string]any // by package
}

// satisOf has three versions of a tool, one of them of a night, and what else such
// repositories have.
func satisOf(t testing.TB, shape string) map[string][]byte {
	t.Helper()
	s := &satis{files: map[string][]byte{"index.html": []byte("<h1>satis"), "css/a+b.css": []byte("a{}"), "packages/acme/tool/gone.zip": []byte("not named")}, all: map[string][]map[string]any{}}
	s.add(t, "acme/tool", "2.4.8-alpha20261124", nil)
	s.add(t, "acme/tool", "1.1.0+p1", map[string]any{"notification-url": "https://packages.example.org/downloads/", "source": map[string]string{"type": "git", "url": "https://git.example.org/tool", "reference": "a1"}})
	s.add(t, "acme/tool", "1.0.0", map[string]any{"require": map[string]string{"acme/text": "^1.0"}})
	s.add(t, "acme/tool", "dev-main", map[string]any{"default-branch": true})
	s.add(t, "acme/text", "v1.0.0", map[string]any{"description": "Text"})
	s.add(t, "acme/text", "1.0.0.0", nil)                                                        // to Composer the same
	s.add(t, "acme/text", "1.1.0", map[string]any{"require": map[string]string{"php": "a b c"}}) // which Composer cannot read
	s.all["acme/text"] = append(s.all["acme/text"], map[string]any{"name": "acme/text", "version": "1.2.0", "dist": map[string]string{"type": "zip", "url": testURL + "packages.json"}})
	s.all["acme/text"] = append(s.all["acme/text"], map[string]any{"name": "acme/text", "version": "2.0.0", "dist": map[string]string{"type": "zip", "url": "https://api.github.com/zipball/1", "shasum": ""}})
	s.write(t, shape)
	return s.files
}

func (s *satis) add(t testing.TB, name, version string, more map[string]any) {
	data := zipOf(t, map[string]string{"composer.json": `{"name":"` + name + `"}`, "version": version})
	sum := sha1.Sum(data)
	at := "packages/" + name + "-" + version + ".zip"
	s.files[at] = data
	entry := map[string]any{"name": name, "version": version, "dist": map[string]string{"type": "zip", "url": testURL + "/" + at, "shasum": hex.EncodeToString(sum[:])}}
	maps.Copy(entry, more)
	s.all[name] = append(s.all[name], entry)
}

func (s *satis) write(t testing.TB, shape string) {
	root := map[string]any{"packages": []any{}}
	switch shape {
	case "included": // what Composer 1 reads, too
		packages := map[string]map[string]any{}
		for name, list := range s.all {
			packages[name] = map[string]any{}
			for _, entry := range list {
				packages[name][entry["version"].(string)] = entry
			}
		}
		s.files["include/all$0a1b.json"] = mustJSON(t, map[string]any{"packages": packages})
		root["includes"] = map[string]any{"include/all$0a1b.json": map[string]string{"sha1": "0a1b"}}
	default:
		root["metadata-url"] = "/repo/p2/%package%.json"
		if root["available-packages"] = slices.Sorted(maps.Keys(s.all)); shape == "patterns" {
			delete(root, "available-packages")
			root["available-package-patterns"] = []string{"acme/*"}
		}
		for name, list := range s.all {
			for file, dev := range map[string]bool{name: false, name + "~dev": true} {
				of := slices.DeleteFunc(slices.Clone(list), func(e map[string]any) bool { return strings.HasPrefix(e["version"].(string), "dev-") != dev })
				s.files["p2/"+file+".json"] = minified(t, name, of, shape == "minified")
			}
		}
	}
	s.files["packages.json"] = mustJSON(t, root)
}

func minified(t testing.TB, name string, list []map[string]any, yes bool) []byte {
	if !yes {
		return mustJSON(t, map[string]any{"packages": map[string]any{name: list}})
	}
	var entries [][]byte
	var last composer.Fields
	for _, entry := range list {
		fields, err := composer.ParseFields(mustJSON(t, entry))
		if err != nil {
			t.Fatal(err)
		}
		entries, last = append(entries, fields.Minify(last)), fields
	}
	return metadataFile(minifiedHead, name, entries)
}
