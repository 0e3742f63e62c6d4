package trust

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Open reads what a repository has published under this authority, also under a root that is not there yet, and what
// has expired, so that it can be renewed. A repository whose keys were changed since has to be signed anew.
func (a *Authority) Open(ctx context.Context, source Source) (*Repository, error) {
	if err := a.Missing(); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name, data := range a.files {
		files[Dir+"/"+name] = data
	}
	_, root := a.Root()
	r, err := open(ctx, overlay{source, files}, ClientOptions{Root: root})
	var unsigned *metadata.ErrUnsignedMetadata
	if err != nil && !errors.As(err, &unsigned) {
		return nil, err
	}
	if err == nil && (r.set.Root.Signed.Version > a.root.Signed.Version || r.set.Targets[metadata.TARGETS].Signed.Version > a.targets.Signed.Version) {
		return nil, fmt.Errorf("root %d and targets %d are published, and --trust has %d and %d; bring that folder up to date",
			r.set.Root.Signed.Version, r.set.Targets[metadata.TARGETS].Signed.Version, a.root.Signed.Version, a.targets.Signed.Version)
	}
	if err == nil && r.set.Targets[metadata.TARGETS].Signed.Version != a.targets.Signed.Version {
		for _, role := range r.Roles() {
			err = errors.Join(err, a.targets.VerifyDelegate(role, r.set.Targets[role]))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: it was signed by a key that does not count any more; see that what is there is as it should be (mageos-nightly verify, reproduce), then sign it anew with mageos-nightly publish --sign-anew", err)
	}
	return r, nil
}

// An overlay has files in the place of those of a source.
type overlay struct {
	Source
	files map[string][]byte
}

// Open implements Source.
func (o overlay) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if data, ok := o.files[name]; ok {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	return o.Source.Open(ctx, name)
}

// An Update is metadata to be written: first the files, then what they sign, then the timestamp.
type Update struct {
	Files     map[string][]byte // by path in the repository
	Timestamp []byte            // of TimestampFile
	Before    int64             // version of the snapshot that clients are led away from; 0: there is none
}

// MaySign reports a role that the keys that are given may not sign.
func (a *Authority) MaySign(roles ...string) error {
	var errs []error
	for _, r := range a.roles() {
		if !slices.Contains(roles, r.name) {
			continue
		}
		n := 0
		for _, key := range a.Keys {
			if slices.Contains(*r.ids, key.ID) {
				n++
			}
		}
		if n < r.threshold {
			errs = append(errs, noKey(r.name))
		}
	}
	for _, role := range roles {
		if !slices.ContainsFunc(a.roles(), func(r namedRole) bool { return r.name == role }) {
			errs = append(errs, fmt.Errorf("the root of --trust has no role %s; make one with mageos-nightly trust init --publishes %[1]s,…", role))
		}
	}
	return errors.Join(errs...)
}

func noKey(role string) error {
	return fmt.Errorf("%s changes, and no key is given that may sign it; give it with --sign-key", role)
}

// Next signs what a repository is to have, by the delegated roles. What does not change is not signed anew, and wants no
// key. Before is what is published; nil: nothing, and then versions begin after those of versions, which are the highest
// that lie there.
func (a *Authority) Next(before *Repository, want map[string]Want, versions map[string]int64, now time.Time) (*Update, error) {
	if err := a.Missing(); err != nil {
		return nil, err
	}
	n := next{a, before, versions, now, &Update{Files: map[string][]byte{}}, metadata.Snapshot(expiry(metadata.SNAPSHOT, now))}
	for name, data := range a.files {
		n.update.Files[Dir+"/"+name] = data
	}
	if before != nil { // a snapshot forgets no role
		n.snapshot.Signed.Meta = maps.Clone(before.set.Snapshot.Signed.Meta)
	} else { // a client may know of more
		for role, version := range versions {
			if !slices.Contains(metadata.TOP_LEVEL_ROLE_NAMES[:], role) {
				n.snapshot.Signed.Meta[role+".json"] = metadata.MetaFile(version)
			}
		}
	}
	n.meta(metadata.TARGETS, a.targets.Signed.Version, a.files[versionedName(a.targets.Signed.Version, metadata.TARGETS)])
	var errs []error
	for _, d := range a.targets.Signed.Delegations.Roles {
		errs = append(errs, n.role(d, want[d.Name]))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return n.update, n.end()
}

// Renew signs snapshot and timestamp again, and nothing else.
func (a *Authority) Renew(before *Repository, now time.Time) (*Update, error) {
	n := next{a, before, nil, now, &Update{Files: map[string][]byte{}}, metadata.Snapshot(expiry(metadata.SNAPSHOT, now))}
	n.snapshot.Signed.Meta = before.set.Snapshot.Signed.Meta
	return n.update, n.end()
}

// next is metadata while it is made.
type next struct {
	*Authority
	before   *Repository
	versions map[string]int64
	now      time.Time
	update   *Update
	snapshot *metadata.Metadata[metadata.SnapshotType]
}

// meta adds a file of a role.
func (n *next) meta(role string, version int64, data []byte) {
	n.snapshot.Signed.Meta[role+".json"] = metaFile(version, data)
	n.update.Files[Dir+"/"+versionedName(version, role)] = data
}

func metaFile(version int64, data []byte) *metadata.MetaFiles {
	sum := sha256.Sum256(data)
	return &metadata.MetaFiles{Version: version, Length: int64(len(data)), Hashes: metadata.Hashes{"sha256": sum[:]}}
}

// version is that of a role to be signed.
func (n *next) version(role string, before int64) int64 { return max(n.versions[role], before) + 1 }

// sign signs a role that its parent delegates to, unless it is published as it is to be.
func (n *next) sign(d metadata.DelegatedRole, parent, m *metadata.Metadata[metadata.TargetsType]) error {
	if n.before != nil && n.before.set.Targets[d.Name] != nil {
		before := n.before.set.Targets[d.Name]
		stays := n.now.Add(lifeOf(d.Name) / 3).Before(before.Signed.Expires)
		if stays && same(before, m) && parent.VerifyDelegate(d.Name, before) == nil {
			return nil // the snapshot has it
		}
	}
	var published int64
	if meta := n.snapshot.Signed.Meta[d.Name+".json"]; meta != nil {
		published = meta.Version
	}
	m.Signed.Version = n.version(d.Name, published)
	m.Signed.Expires = expiry(d.Name, n.now)
	err := sign(m, n.Keys, d.KeyIDs)
	if err == nil && len(m.Signatures) < d.Threshold {
		role, _, _ := strings.Cut(d.Name, "-") // of a part
		err = noKey(role)
	}
	if err != nil {
		return err
	}
	data, err := m.ToBytes(false)
	n.meta(d.Name, m.Signed.Version, data)
	return err
}

// same reports whether two roles say the same.
func same(a, b *metadata.Metadata[metadata.TargetsType]) bool {
	equal := maps.EqualFunc(a.Signed.Targets, b.Signed.Targets, func(x, y *metadata.TargetFiles) bool {
		return x.Equal(*y) && reflect.DeepEqual(x.Custom, y.Custom)
	})
	if !equal || (a.Signed.Delegations == nil) != (b.Signed.Delegations == nil) {
		return false
	}
	if a.Signed.Delegations == nil {
		return true
	}
	return slices.Equal(slices.Sorted(maps.Keys(a.Signed.Delegations.Keys)), slices.Sorted(maps.Keys(b.Signed.Delegations.Keys))) &&
		slices.EqualFunc(a.Signed.Delegations.Roles, b.Signed.Delegations.Roles, func(x, y metadata.DelegatedRole) bool {
			return x.Name == y.Name && slices.Equal(x.Paths, y.Paths) && slices.Equal(x.KeyIDs, y.KeyIDs)
		})
}

// end signs snapshot and timestamp.
func (n *next) end() error {
	var errs []error
	s, t := n.snapshot, metadata.Timestamp(expiry(metadata.TIMESTAMP, n.now))
	var snapshot, timestamp int64
	if n.before != nil {
		snapshot, timestamp = n.before.set.Snapshot.Signed.Version, n.before.set.Timestamp.Signed.Version
		n.update.Before = snapshot
	}
	s.Signed.Version, t.Signed.Version = n.version(metadata.SNAPSHOT, snapshot), n.version(metadata.TIMESTAMP, timestamp)
	online := n.root.Signed.Roles[metadata.TIMESTAMP]
	errs = append(errs, sign(s, n.Keys, online.KeyIDs))
	data, err := s.ToBytes(false)
	t.Signed.Meta["snapshot.json"] = metaFile(s.Signed.Version, data)
	errs = append(errs, err, sign(t, n.Keys, online.KeyIDs))
	n.update.Files[Dir+"/"+versionedName(s.Signed.Version, metadata.SNAPSHOT)] = data
	n.update.Timestamp, err = t.ToBytes(false)
	if len(t.Signatures) < online.Threshold {
		errs = append(errs, noKey(metadata.TIMESTAMP))
	}
	return errors.Join(append(errs, err)...)
}

// IsMetadata reports whether a file of a repository is metadata of The Update Framework.
func IsMetadata(name string) bool {
	_, _, ok := cutVersioned(strings.TrimPrefix(name, Dir+"/"))
	return ok || name == TimestampFile
}

// Versions are the highest versions of roles among the files of a repository.
func Versions(names []string) map[string]int64 {
	highest := map[string]int64{}
	for _, name := range names {
		if version, role, ok := cutVersioned(strings.TrimPrefix(name, Dir+"/")); ok {
			highest[role] = max(highest[role], version)
		}
	}
	highest[metadata.TIMESTAMP] = highest[metadata.SNAPSHOT] // which are signed together
	return highest
}

// Heal signs the timestamp of the newest snapshot that lies there, above the one that counts, if any, when all that it names is
// there and signed. It gives nothing where there is none.
func (a *Authority) Heal(ctx context.Context, source Source, before *Repository, names []string, now time.Time) ([]byte, *Repository) {
	version := Versions(names)[metadata.SNAPSHOT]
	name := Dir + "/" + versionedName(version, metadata.SNAPSHOT)
	if version == 0 || before != nil && version <= before.set.Snapshot.Signed.Version {
		return nil, nil
	}
	data, err := fetcher{ctx, source}.DownloadFile(name, maxTargets, 0)
	if err != nil {
		return nil, nil
	}
	t := metadata.Timestamp(expiry(metadata.TIMESTAMP, now))
	t.Signed.Version, t.Signed.Meta["snapshot.json"] = version, metaFile(version, data)
	if err := sign(t, a.Keys, a.root.Signed.Roles[metadata.TIMESTAMP].KeyIDs); err != nil {
		return nil, nil
	}
	timestamp, err := t.ToBytes(false)
	if err != nil {
		return nil, nil
	}
	healed, err := a.Open(ctx, overlay{source, map[string][]byte{TimestampFile: timestamp}})
	if err != nil {
		return nil, nil
	}
	return timestamp, healed
}

// Unused are the files of metadata of snapshots that were superseded before a time, but for the one of that version, which
// clients may just be at. Roots stay: clients follow them one by one.
func Unused(ctx context.Context, source Source, files []string, held int64, before time.Time) ([]string, error) {
	used := map[string]bool{}
	made := map[int64]*metadata.Metadata[metadata.SnapshotType]{}
	for _, file := range files {
		version, role, ok := cutVersioned(strings.TrimPrefix(file, Dir+"/"))
		if ok && role == metadata.SNAPSHOT {
			data, err := fetcher{ctx, source}.DownloadFile(file, maxTargets, 0)
			if err != nil {
				return nil, err
			}
			if made[version], err = parse(metadata.Snapshot(), data); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
		used[file] = ok && role == metadata.ROOT
	}
	versions := slices.Sorted(maps.Keys(made))
	for i, version := range versions {
		if i+1 < len(versions) && version != held && made[versions[i+1]].Signed.Expires.Add(-snapshotLife).Before(before) {
			continue
		}
		used[Dir+"/"+versionedName(version, metadata.SNAPSHOT)] = true
		for role, m := range made[version].Signed.Meta {
			used[Dir+"/"+versionedName(m.Version, strings.TrimSuffix(role, ".json"))] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(files), func(file string) bool { return used[file] || file == TimestampFile }), nil
}
