package suspects

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish/history"
)

// ofPlan are what differs between two plans beside the commits: the line, the program that planned, and the versions
// that were found elsewhere.
func ofPlan(good, bad *releases.Plan) (found []ranked) {
	add := func(name, title, why string) {
		found = append(found, ranked{Suspect: history.Suspect{Name: name, Title: title, Why: why}, rank: rankUnknown})
	}
	if fields := changedFields(good.Line, bad.Line); len(fields) > 0 {
		add("line "+bad.Line.Name, "changed in "+strings.Join(fields, ", "), "the line itself is another one")
	}
	if good.Program != bad.Program {
		add("program", good.Program+" → "+bad.Program, "another version of this program made the plan")
	}
	for _, what := range []struct {
		was, is map[string]string
		why     string
	}{
		{good.Replace, bad.Replace, "ours replaces another version of it"},
		{good.LatestTags, bad.LatestTags, "its latest tag is required, and is another one"},
	} {
		both := maps.Clone(what.was)
		if both == nil {
			both = map[string]string{}
		}
		maps.Copy(both, what.is)
		maps.DeleteFunc(both, func(name, _ string) bool { return what.was[name] == what.is[name] })
		names := slices.Sorted(maps.Keys(both))
		if len(names) > Named { // a release of upstream's changes hundreds at once
			add(names[0]+" and "+markdown.Count(len(names)-1, "other"), "", what.why)
			continue
		}
		for _, name := range names {
			add(name, cmp.Or(what.was[name], "none")+" → "+cmp.Or(what.is[name], "none"), what.why)
		}
	}
	return found
}

// changedFields are the fields of a line that differ, by their names in its file.
func changedFields(was, is releases.Line) []string {
	before, after := fieldsOf(was), fieldsOf(is)
	names := maps.Clone(before)
	maps.Copy(names, after)
	maps.DeleteFunc(names, func(name string, _ json.RawMessage) bool { return string(before[name]) == string(after[name]) })
	return slices.Sorted(maps.Keys(names))
}

func fieldsOf(l releases.Line) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	if data, err := json.Marshal(l); err == nil {
		_ = json.Unmarshal(data, &fields) // it was written just now
	}
	return fields
}
