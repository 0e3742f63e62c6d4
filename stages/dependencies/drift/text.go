package drift

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
)

// text is the report for a terminal: by package, what to do below, the sum last.
func (v View) text() []byte {
	var out bytes.Buffer
	shown, left := v.shown()
	for _, group := range byPackage(shown) {
		textOfPackage(&out, group)
	}
	v.textOfRest(&out)
	fmt.Fprintf(&out, "%s: %s\n", v.Title, v.Summary())
	table := tabwriter.NewWriter(&out, 0, 8, 2, ' ', 0)
	for _, kind := range Kinds {
		n, fresh := v.Count(kind), v.countNew(kind)
		if n == 0 {
			continue
		}
		note := ""
		if v.Baseline != "" {
			note = fmt.Sprintf("%d new", fresh)
		}
		if left[kind] > 0 {
			note = strings.TrimPrefix(note+", shown with --all", ", ")
		}
		fmt.Fprintf(table, "  %d\t%s\t%s\t%s\n", n, kind, kindTexts[kind].title, note)
	}
	fmt.Fprintf(table, "  %d\tclean\tpackages without a finding\t\n", v.Clean())
	table.Flush()
	v.textOfBaseline(&out)
	return trimLines(out.Bytes())
}

// textOfPackage writes the findings of one package.
func textOfPackage(out *bytes.Buffer, group []Finding) {
	fmt.Fprintf(out, "%s  (%s, %s)\n", group[0].Package, group[0].Repository, group[0].Manifest)
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, f := range group {
		kind := string(f.Kind)
		if f.Kind == Unreachable {
			kind = strings.ToUpper(kind)
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", kind, f.Require, f.where())
		if how := f.how(); how != "" {
			fmt.Fprintf(table, "  \t\t%s\n", how)
		}
	}
	table.Flush()
	if lines := toAdd(group); len(lines) > 0 {
		fmt.Fprintf(out, "  add to \"require\":\n")
		for _, line := range lines {
			fmt.Fprintf(out, "    %s\n", line)
		}
	}
	fmt.Fprintln(out)
}

// textOfRest writes what concerns no single package.
func (v View) textOfRest(out *bytes.Buffer) {
	if len(v.Provided) > 0 {
		fmt.Fprintln(out, "Used without being required, and rightly so:")
		for _, p := range v.Provided {
			fmt.Fprintf(out, "  %s by %s: %s\n", p.Require, count(len(p.Packages), "package"), p.Reason)
		}
		fmt.Fprintln(out)
	}
	if sentence := v.Sentence(); sentence != "" {
		fmt.Fprintln(out, sentence)
		for _, u := range v.Unknown {
			if !u.Tests || v.All {
				fmt.Fprintf(out, "  %s (%s), first in %s, %s:%d\n", u.Namespace, count(u.Names, "name"), u.Package, u.Place.Path, u.Place.Line)
			}
		}
		fmt.Fprintln(out)
	}
	if note := v.missing(); note != "" {
		fmt.Fprintf(out, "%s\n\n", note)
	}
	if !v.Index {
		fmt.Fprintf(out, "%s\n\n", noIndex)
	}
	if len(v.BlindSpots) > 0 && v.All {
		fmt.Fprintln(out, "Nothing can be said about requires of these, whose classes are not known:")
		for _, b := range v.BlindSpots {
			fmt.Fprintf(out, "  %s: %s\n", b.Package, b.Reason)
		}
		fmt.Fprintln(out)
	}
	if len(v.Problems) > 0 && v.All {
		fmt.Fprintln(out, "Read as far as possible:")
		for _, p := range v.Problems {
			fmt.Fprintf(out, "  %s, %s: %s\n", p.Package, p.Path, p.Problem)
		}
		fmt.Fprintln(out)
	}
}

func (v View) countNew(kind Kind) int {
	n := 0
	for k := range v.New {
		if k.Kind == kind {
			n++
		}
	}
	return n
}

// textOfBaseline says how the report compares.
func (v View) textOfBaseline(out *bytes.Buffer) {
	if v.Baseline == "" {
		return
	}
	fmt.Fprintf(out, "Compared with %s: %d new, %d known.\n", v.Baseline, len(v.New), v.Known)
	if len(v.Gone) == 0 {
		return
	}
	verb := "are"
	if len(v.Gone) == 1 {
		verb = "is"
	}
	fmt.Fprintf(out, "%d of the baseline %s gone; run with --write-baseline to take %s out:\n", len(v.Gone), verb, map[string]string{"is": "it", "are": "them"}[verb])
	for _, k := range v.Gone {
		fmt.Fprintf(out, "  %s: %s %s\n", k.Package, k.Kind, k.Require)
	}
}

// trimLines takes away the blanks that columns leave at the ends of lines.
func trimLines(text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	for i, line := range lines {
		lines[i] = bytes.TrimRight(line, " ")
	}
	return bytes.Join(lines, []byte("\n"))
}
