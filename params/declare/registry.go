package declare

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Registry finds a [Spec] by short name or dotted path. It is never changed after it
// was made and safe for concurrent use.
type Registry[I any] struct {
	specs  []Spec[I]
	byName map[string]Spec[I]
}

// NewRegistry makes a registry of specs. Names and paths that stand for two specs are
// errors, all reported at once.
func NewRegistry[I any](specs ...Spec[I]) (*Registry[I], error) {
	r := &Registry[I]{byName: map[string]Spec[I]{}}
	var errs []error
	for _, s := range specs {
		errs = append(errs, r.add(s.Name, s))
		for _, alias := range s.Aliases {
			named := s
			if alias.Old != "" {
				named.via = &alias
			}
			errs = append(errs, r.add(alias.Path, named))
		}
		r.specs = append(r.specs, s)
	}
	slices.SortFunc(r.specs, func(a, b Spec[I]) int { return cmp.Compare(a.Name, b.Name) })
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Registry[I]) add(name string, s Spec[I]) error {
	if name == "" {
		return fmt.Errorf("%s %q has an empty name or path", s.kind, s.Name)
	}
	if other, taken := r.byName[name]; taken {
		return fmt.Errorf("%s %q: the name %q is taken by %q", s.kind, s.Name, name, other.Name)
	}
	r.byName[name] = s
	return nil
}

// Lookup returns the spec with the short name or dotted path, compared exactly.
func (r *Registry[I]) Lookup(name string) (Spec[I], bool) {
	s, found := r.byName[name]
	return s, found
}

// Specs returns all specs, sorted by name.
func (r *Registry[I]) Specs() []Spec[I] { return slices.Clone(r.specs) }

// Suggest returns the short name or dotted path nearest to an unknown one, or "". Dotted
// paths are compared by their class, at an edit distance of at most 3. A class without its
// path stands for the short name.
func (r *Registry[I]) Suggest(name string) string {
	if !strings.Contains(name, ".") {
		names := make([]string, len(r.specs))
		for i, s := range r.specs {
			names[i] = s.Name
		}
		if near := yamlvalue.Nearest(name, slices.Values(names)); near != "" {
			return near
		}
		return r.ofClass(name)
	}
	const farthest, parts = 3, 4 // the paths of Airflow 1, with fewer parts, are for old files alone
	type candidate struct {
		path            string
		class, distance int
	}
	var near []candidate
	for _, s := range r.specs {
		for _, alias := range s.Aliases {
			if strings.Count(alias.Path, ".")+1 < parts {
				continue
			}
			if d := yamlvalue.Distance(class(name), class(alias.Path)); d <= farthest {
				near = append(near, candidate{alias.Path, d, yamlvalue.Distance(name, alias.Path)})
			}
		}
	}
	if len(near) == 0 {
		return ""
	}
	return slices.MinFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.distance, b.distance), cmp.Compare(a.path, b.path))
	}).path
}

// ofClass is the short name of what Airflow has as a class, whatever its module, or "".
func (r *Registry[I]) ofClass(name string) string {
	for _, s := range r.specs {
		for _, alias := range s.Aliases {
			if class(alias.Path) == name {
				return s.Name
			}
		}
	}
	return ""
}

// class is the last part of a dotted path.
func class(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
