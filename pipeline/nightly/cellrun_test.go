package nightly

import (
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

func TestCellNeeds(t *testing.T) {
	in := stages.Candidate{Install: releases.Install{Level: releases.Setup}, Upgrade: stages.Upgrade{Snapshot: "2026-11-23"}}
	run := &cellRun{
		cell: releases.Cell{PHP: "8.3", Database: "mariadb:10.6", Search: "opensearchproject/opensearch:2.12.0"},
		php:  "file:///php.tar", database: "file:///mariadb.tar", search: releases.StandInSearch,
	}
	got, err := run.needs(in, "/srv/repository")
	if err != nil {
		t.Fatal(err)
	}
	var services []string
	for _, s := range got.Services {
		services = append(services, s.Name+" "+s.Image)
	}
	if want := []string{"gateway ", "database file:///mariadb.tar", "search "}; !slices.Equal(services, want) {
		t.Errorf("services %q, want %q", services, want)
	}
	if version := got.Services[1].Env["VERSION"]; version != "10.6." {
		t.Errorf("the database is to say that it is %q", version)
	}
	if got.Image != run.php || !got.NoCache || got.Env["NIGHTLY_SEARCH"] != "http://search:9200" || got.Env[runner.PreviousVariable] != "/srv/repository" ||
		!strings.HasSuffix(got.Env["NIGHTLY_DATABASE"], "@database:3306/shop?upgrade=upgrade") || len(got.Folders) != 1 {
		t.Errorf("%+v", got)
	}
	in.Install.Level = releases.Installed
	if got, err := run.needs(in, ""); err != nil || len(got.Services) != 1 || len(got.Env) != 2 || got.Work == "" || !got.NoCache {
		t.Errorf("below level setup: %+v, %v", got, err)
	}
}
