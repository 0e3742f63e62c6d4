package attest

import (
	"encoding/json"
	"path"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
)

// ProvenanceType is SLSA's: https://slsa.dev/spec/v1.0/provenance.
const ProvenanceType = "https://slsa.dev/provenance/v1"

// buildType says how the parameters are to be read.
const buildType = "https://github.com/mage-os/nightly/blob/main/docs/trust.md#how-a-snapshot-is-made"

// provenance says from which commits the snapshot was made, by which program.
func (o Options) provenance(s Subject) ([]byte, error) {
	m := s.Manifest
	external, err := fields(map[string]any{"line": m.Plan.Line.Name, "snapshot": m.Snapshot, "plan": m.Plan})
	if err != nil {
		return nil, err
	}
	internal, err := fields(map[string]any{"program": m.Program, "stages": m.Stages})
	if err != nil {
		return nil, err
	}
	builder := o.Builder.ID
	if builder == "" {
		builder = DefaultBuilder
	}
	p := &provenance.Provenance{
		BuildDefinition: &provenance.BuildDefinition{
			BuildType: buildType, ExternalParameters: external, InternalParameters: internal, ResolvedDependencies: commits(&m.Plan),
		},
		RunDetails: &provenance.RunDetails{
			Builder:  &provenance.Builder{Id: builder, Version: map[string]string{"nightly": m.Program}},
			Metadata: &provenance.BuildMetadata{InvocationId: o.Builder.Invocation},
		},
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return statement(ProvenanceType, snapshotSubjects(m, s.Files[releases.ManifestName]), p)
}

// snapshotSubjects are the manifest, which has the sum of every other file, and each dist,
// so that one zip alone can be verified.
func snapshotSubjects(m *releases.Manifest, data []byte) []*intoto.ResourceDescriptor {
	subjects := []*intoto.ResourceDescriptor{subject(releases.ManifestName, pipeline.DigestOf(data))}
	for _, p := range m.Packages {
		if p.Dist != nil {
			subjects = append(subjects, subject(p.Dist.Path, p.Dist.SHA256))
		}
	}
	return subjects
}

// commits are the sources by the commits that were checked out.
func commits(p *releases.Plan) []*intoto.ResourceDescriptor {
	var all []*intoto.ResourceDescriptor
	for _, r := range p.Repositories {
		digest := map[string]string{"gitCommit": r.Commit}
		if r.Tree.Digest != "" {
			digest = map[string]string{"workTree": string(r.Tree.Digest)}
		}
		all = append(all, &intoto.ResourceDescriptor{Name: r.Name, Uri: "git+" + r.URL + "@" + r.Ref, Digest: digest})
		if r.TagCommit != "" {
			all = append(all, &intoto.ResourceDescriptor{
				Name: path.Join(r.Name, r.Tag), Uri: "git+" + r.URL + "@refs/tags/" + r.Tag, Digest: map[string]string{"gitCommit": r.TagCommit},
			})
		}
	}
	return all
}

// fields makes a value that JSON can write an object of a predicate.
func fields(value any) (*structpb.Struct, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	return structpb.NewStruct(m)
}

// Digests are the SHA-256 of the files that the provenance of a snapshot has to name.
func Digests(m *releases.Manifest, data []byte) map[string]pipeline.Digest {
	all := map[string]pipeline.Digest{}
	for _, s := range snapshotSubjects(m, data) {
		all[s.GetName()] = pipeline.Digest(s.GetDigest()["sha256"])
	}
	return all
}
