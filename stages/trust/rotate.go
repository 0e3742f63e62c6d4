package trust

import (
	"fmt"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// OnlineRole names snapshot and timestamp, which share their key, where keys are changed. RootRole names root and
// targets.
const (
	OnlineRole = metadata.TIMESTAMP
	RootRole   = metadata.ROOT
)

// Rotate makes the next root and targets, signed by the keys that this run has. The keys with these ids count no
// longer, in any role, and the new key counts in a role: RootRole, OnlineRole, or a kind of snapshots. Without either
// only the expiry is another.
func (a *Authority) Rotate(gone []string, role string, add *Key, now time.Time) error {
	for _, id := range gone {
		if !a.knows(id) {
			return fmt.Errorf("no role has the key %s; mageos-nightly trust status names those that there are", id)
		}
	}
	a.root.Signed.Version++
	a.targets.Signed.Version++
	if add != nil {
		if err := a.add(role, add); err != nil {
			return err
		}
	}
	for _, id := range gone {
		a.remove(id)
	}
	for _, r := range a.roles() {
		if len(*r.ids) < r.threshold {
			return fmt.Errorf("%s would have %d keys and a threshold of %d; rotate it to a new key", r.name, len(*r.ids), r.threshold)
		}
	}
	return a.seal(now)
}

// KeysOf are the ids of the keys of a role.
func (a *Authority) KeysOf(role string) []string {
	for _, r := range a.roles() {
		if r.name == role {
			return slices.Clone(*r.ids)
		}
	}
	return nil
}

// A namedRole is a role of root or targets.
type namedRole struct {
	name      string
	ids       *[]string
	threshold int
}

func (a *Authority) roles() []namedRole {
	var all []namedRole
	for _, name := range metadata.TOP_LEVEL_ROLE_NAMES {
		r := a.root.Signed.Roles[name]
		all = append(all, namedRole{name, &r.KeyIDs, r.Threshold})
	}
	for i := range a.targets.Signed.Delegations.Roles {
		r := &a.targets.Signed.Delegations.Roles[i]
		all = append(all, namedRole{r.Name, &r.KeyIDs, r.Threshold})
	}
	return all
}

func (a *Authority) knows(id string) bool {
	return slices.ContainsFunc(a.roles(), func(r namedRole) bool { return slices.Contains(*r.ids, id) })
}

// add lets a key sign for a role, and for what belongs to it.
func (a *Authority) add(role string, key *Key) error {
	switch role {
	case RootRole, OnlineRole:
		other := map[string]string{RootRole: metadata.TARGETS, OnlineRole: metadata.SNAPSHOT}[role]
		for _, name := range []string{role, other} {
			if err := a.root.Signed.AddKey(key.Public, name); err != nil {
				return err
			}
		}
		return nil
	case RepositoryRole, metadata.TARGETS, metadata.SNAPSHOT:
		return fmt.Errorf("%s has no keys of its own", role)
	}
	if err := a.targets.Signed.AddKey(key.Public, role); err != nil {
		return err
	}
	return a.targets.Signed.AddKey(key.Public, RepositoryRole)
}

func (a *Authority) remove(id string) {
	for _, r := range a.roles() {
		*r.ids = slices.DeleteFunc(*r.ids, func(other string) bool { return other == id })
	}
	delete(a.root.Signed.Keys, id)
	delete(a.targets.Signed.Delegations.Keys, id)
}

// A RoleStatus is a role as it is now.
type RoleStatus struct {
	Role      string    `json:"role"`
	Keys      []string  `json:"keys"` // their ids
	Threshold int       `json:"threshold"`
	Version   int64     `json:"version,omitempty"` // 0: it is not published
	Expires   time.Time `json:"expires,omitzero"`
}

// Ends says why a role must be signed again: less than a third of its life is left. It is empty if there is time.
func (r RoleStatus) Ends(now time.Time) string {
	left := r.Expires.Sub(now)
	switch {
	case r.Expires.IsZero() || left >= lifeOf(r.Role)/3:
		return ""
	case left < 0:
		return fmt.Sprintf("%s expired at %s: no client takes the repository", r.Role, r.Expires.Format(time.RFC3339))
	}
	return fmt.Sprintf("%s expires at %s, in %s: sign it anew", r.Role, r.Expires.Format(time.RFC3339), left.Round(time.Minute))
}

// Status says who may sign what, and until when root and targets count.
func (a *Authority) Status() []RoleStatus {
	var all []RoleStatus
	for _, r := range a.roles() {
		s := RoleStatus{Role: r.name, Keys: slices.Clone(*r.ids), Threshold: r.threshold}
		switch r.name {
		case metadata.ROOT:
			s.Version, s.Expires = a.root.Signed.Version, a.root.Signed.Expires
		case metadata.TARGETS:
			s.Version, s.Expires = a.targets.Signed.Version, a.targets.Signed.Expires
		}
		all = append(all, s)
	}
	return all
}
