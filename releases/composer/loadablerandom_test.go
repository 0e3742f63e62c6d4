package composer

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var cases = flag.Int("cases", 5000, "packages that TestWhatWePublishComposerLoads makes")

// TestWhatWePublishComposerLoads makes packages of all kinds of keys, links and versions: of what EncodeMetadata writes
// of them Composer loads each, and obeys none of the keys that are a repository's own.
func TestWhatWePublishComposerLoads(t *testing.T) {
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	t.Logf("again with -run %s -args -seed %d", t.Name(), start)
	made := maker{rand.New(rand.NewPCG(start, 0))}
	published, refused, strict := 0, 0, 0
	for left := *cases; left > 0; left -= 20_000 {
		var ours, others []string
		for range min(left, 20_000) {
			text := made.manifest()
			if entry := entryOf(t, text); entry != "" {
				ours = append(ours, entry)
			} else {
				others = append(others, text)
			}
		}
		for i, answer := range loadedByComposer(t, ours) {
			if answer != "" {
				t.Errorf("%s:\n  Composer says %q", ours[i], answer)
			}
		}
		for _, answer := range loadedByComposer(t, others) {
			if answer == "" {
				strict++
			}
		}
		published, refused = published+len(ours), refused+len(others)
	}
	t.Logf("%d packages published and loaded; %d refused, of which Composer would load %d", published, refused, strict)
	if published < *cases/10 || refused < *cases/10 {
		t.Error("too few of one kind to say anything")
	}
}

// entryOf is what we publish of a package; "" if that is nothing.
func entryOf(t *testing.T, manifest string) string {
	t.Helper()
	m, err := ParseManifest([]byte(manifest))
	if err != nil {
		return ""
	}
	metadata, err := EncodeMetadata(Name(m.Name()), []PackageVersion{{Manifest: m, Dist: &Dist{Type: "zip", URL: "https://example.org/x.zip"}}})
	if err != nil {
		return ""
	}
	var form struct {
		Packages map[string][]json.RawMessage `json:"packages"`
	}
	if err := json.Unmarshal(metadata, &form); err != nil || len(form.Packages[m.Name()]) != 1 {
		t.Fatalf("%v: %s", err, metadata)
	}
	return string(bytes.TrimSpace(form.Packages[m.Name()][0]))
}

// manifest is a composer.json with some keys: mostly good, sometimes of another type than Composer takes.
func (m maker) manifest() string {
	keys := slices.Concat(authored, []string{"source", "notification-url", "transport-options", "default-branch", "installation-source", "version_normalized", "uid"})
	members := []string{`"name":` + m.pick(`"a/b"`, `"a/b"`, `"a/b"`, `"a/b"`, `"a/b"`, `"A/b"`, `"b"`, `""`), `"version":` + string(quote(m.version()))}
	for range m.IntN(7) {
		key := m.pick(keys...)
		if slices.Contains(sections, Section(key)) || m.IntN(3) == 0 {
			key = m.pick("require", "require-dev", "replace", "provide", "conflict", "suggest")
		}
		value := m.value()
		if slices.Contains(sections, Section(key)) && m.IntN(20) > 0 {
			value = m.links()
		}
		if !slices.ContainsFunc(members, func(other string) bool { return strings.HasPrefix(other, `"`+key+`":`) }) {
			members = append(members, fmt.Sprintf("%q:%s", key, value))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (m maker) links() string {
	links := map[string]string{}
	for range m.IntN(4) {
		links[m.pick("a/b", "a/c", "A/D", "php", "ext-json", "x", "ü/ß", "", "7", "-1", "007")] = m.pick(m.constraint(), m.constraint(), m.constraint(), "self.version", "*", "")
	}
	text, _ := json.Marshal(links) // they are text
	return string(text)
}

func (m maker) value() string {
	return m.pick(
		"null", "true", "false", "0", "7", "1.5", `""`, `"0"`, `"text"`, `"2026-11-30"`, "[]", "{}", `["x"]`, `["x",1]`, `[null]`, `[["x"]]`,
		`{"a":"b"}`, `{"psr-4":{"A\\":"src/"}}`, `{"name":"x","exclude":["/y"]}`, `{"name":[1]}`, `{"exclude":"y"}`, `{"type":"git","url":"https://evil.example/x.git","reference":"main"}`,
		`{"branch-alias":{"dev-main":"1.x-dev"}}`, `{"branch-alias":{"dev-main":7}}`, `{"branch-alias":{"7":"dev-x"}}`, `{"branch-alias":["2.0-dev"]}`, `{"branch-alias":"x"}`,
	)
}
