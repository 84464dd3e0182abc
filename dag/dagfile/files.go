package dagfile

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/templatefile"
	"github.com/dingdag/dingdag/yamlvalue"
)

// filesKey is the key of a source beside the DAG that has the template files of the version. It begins like those that are no DAGs,
// and no DAG can be called so.
const filesKey = "x-template files"

// templateFiles are the template files of a version in canonical form: the SHA-256 of each by its name.
func templateFiles(f *dag.TemplateFiles) canonical.Fields {
	if f == nil {
		return nil
	}
	body, hashes := canonical.Fields{}, canonical.Fields{}
	if f.Partial {
		body = body.With("partial", true)
	}
	for _, one := range f.Files {
		hashes = hashes.With(one.Name, one.Hash)
	}
	return canonical.Of(filesKey, body.With("files", hashes))
}

var isHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// readTemplateFiles reads that again. Nil is a version that has none, or was made before versions had them.
func readTemplateFiles(s reading.Scope, root *yaml.Node) *dag.TemplateFiles {
	key, body := yamlvalue.Lookup(root, filesKey)
	if key == nil {
		return nil
	}
	f := &dag.TemplateFiles{}
	_, partial := yamlvalue.Lookup(body, "partial")
	f.Partial = partial != nil && partial.Value == "true"
	_, files := yamlvalue.Lookup(body, "files")
	for name, hash := range yamlvalue.Pairs(files) {
		switch {
		case hash.Value == "":
			f.Files = append(f.Files, dag.TemplateFile{Name: name.Value})
			continue
		case !isHash.MatchString(hash.Value):
			s.Errorf(hash, "the template file %q of the version has no SHA-256", yamlvalue.Excerpt(name.Value))
			continue
		}
		f.Files = append(f.Files, dag.TemplateFile{Name: name.Value, Hash: hash.Value, Text: &dag.FileText{}})
	}
	slices.SortFunc(f.Files, func(a, b dag.TemplateFile) int { return strings.Compare(a.Name, b.Name) })
	return f
}

// restOnFiles notes what template files the outcome rests on.
func (r *dagReader) restOnFiles() {
	seen, newest := r.files.Seen()
	if len(seen) == 0 {
		return
	}
	if r.Rests.Files == nil {
		r.Rests.Files = &reading.Files{}
	}
	f := r.Rests.Files
	f.Seen = append(f.Seen, seen...)
	if newest.After(f.Written) {
		f.Written = newest
	}
	for _, dir := range r.files.Folders() {
		f.Outside = f.Outside || !discover.StaysIn(dir, r.src.Root)
	}
}

// sameFiles reports whether no template file was added, removed or written.
func sameFiles(f *reading.Files) bool {
	return f == nil || !slices.ContainsFunc(f.Seen, func(s templatefile.Seen) bool { return !s.Same() })
}

// Settled is how long a file must not have been written to be known by its time: clocks of file systems are coarse, and two
// writes may have one time.
const Settled = 2 * time.Second

// settle makes an outcome volatile that rests on a template file which was written just now.
func (l *Loader) settle(rests *reading.Rests) {
	if rests.Files != nil && l.opts.Now().Sub(rests.Files.Written) < Settled {
		rests.Volatile = true
	}
}
