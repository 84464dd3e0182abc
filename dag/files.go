package dag

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"unique"
)

// TemplateFiles are the files that a version of a DAG has: those that its templated fields name, and those that these include. Nobody
// changes them.
type TemplateFiles struct {
	// Files are sorted by their names.
	Files []TemplateFile
	// Partial says that the fields mean more files than a version may have. The others are only in the folders.
	Partial bool
}

// TemplateFile is one of them.
type TemplateFile struct {
	// Name is the path below the folder of the DAG file or one of template_searchpath, with slashes.
	Name string
	// Hash is the SHA-256 of the content in hex; "" for a file that could not be read, which matters only when a template turns out to name it.
	Hash string
	// Text is the content as far as it is known in this process; nil without a hash.
	Text *FileText
}

// Named is the file with a name, nil for none.
func (f *TemplateFiles) Named(name string) *TemplateFile {
	i, found := slices.BinarySearchFunc(f.Files, name, func(one TemplateFile, name string) int { return strings.Compare(one.Name, name) })
	if !found {
		return nil
	}
	return &f.Files[i]
}

// Contents yields the contents by their hashes, as far as they are known in this process.
func (f *TemplateFiles) Contents() iter.Seq2[string, string] {
	return func(yield func(hash, content string) bool) {
		for _, one := range f.Files {
			if one.Hash == "" {
				continue
			}
			if text, ok := one.Text.Get(); ok && !yield(one.Hash, text) {
				return
			}
		}
	}
}

// FileText is the content of a file, which all that have the same one share. A version that was read back from the store
// learns it when it is first needed. It is safe for concurrent use, and its zero value knows nothing.
type FileText struct {
	text atomic.Pointer[unique.Handle[string]]
}

// NewTemplateFile is a file with its content.
func NewTemplateFile(name, text string) TemplateFile {
	sum := sha256.Sum256([]byte(text))
	f := TemplateFile{Name: name, Hash: hex.EncodeToString(sum[:]), Text: &FileText{}}
	f.Text.Set(text)
	return f
}

// Get is the content; ok is false while it is not known.
func (t *FileText) Get() (text string, ok bool) {
	h := t.text.Load()
	if h == nil {
		return "", false
	}
	return h.Value(), true
}

// Set makes the content known.
func (t *FileText) Set(text string) { t.text.Store(new(unique.Make(text))) }
