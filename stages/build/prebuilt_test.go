package build

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// A server is what answers for the zips of a plan, by their URLs.
type server map[string][]byte

func (s server) Fetch(_ context.Context, url string) (io.ReadCloser, error) {
	if s[url] == nil {
		return nil, errors.New("not there")
	}
	return io.NopCloser(bytes.NewReader(s[url])), nil
}

func TestPrebuiltThatComposerCannotLoad(t *testing.T) {
	f, zips, plan := newFixture(t), server{}, &releases.Plan{}
	for url, manifest := range map[string]string{
		"good":       `{"name":"acme/good","version":"1.0.0"}`,
		"name":       `{"name":"Acme/Name","version":"1.0.0"}`,
		"version":    `{"name":"acme/version","version":"latest"}`,
		"constraint": `{"name":"acme/tool","version":"1.1.0","require":{"acme/other":"~>1.4.0"}}`,
	} {
		var data bytes.Buffer
		z := zip.NewWriter(&data)
		w, err := z.Create("composer.json")
		if err == nil {
			_, err = w.Write([]byte(manifest))
		}
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		zips[url] = data.Bytes()
		plan.Prebuilt = append(plan.Prebuilt, releases.PlannedZip{URL: url})
	}
	zips["torn"] = zips["good"][:len(zips["good"])/2]
	plan.Prebuilt = append(plan.Prebuilt, releases.PlannedZip{URL: "torn"})
	got, err := Options{Store: f.store, Fetcher: zips}.Prebuilt(t.Context(), plan, stages.TagPackages{}.Tree)
	notes := fmt.Sprint(got.Notes)
	if err != nil || got.Packages != 1 || len(got.Notes) != 4 {
		t.Fatalf("%d packages, %v, notes:\n%s", got.Packages, err, notes)
	}
	for _, want := range []string{"left out: torn: ", "left out: name: it is no package that Composer would load: ", `version "latest"`, "require acme/other: constraint"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
}
