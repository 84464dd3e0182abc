package folder

import (
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/index"
)

// memory is what the DAGs folder held when it was last looked at.
type memory struct {
	mu   sync.Mutex
	told *told      // of changes since then
	mark folderMark // of the files before it was looked at
	at   time.Time
	ix   *index.Index // nil before
	all  []*dag.Summary
	// found is what is wrong with the files of foundIn; nil before.
	found   dag.Diagnostics
	foundIn *index.Index
}

// Remember makes DAGs and Findings look at the files only after a change, where many ask for them one after another. That takes a watch of the kernel,
// which ends with the home folder.
func (f *Folder) Remember() {
	f.memory = &memory{mark: none}
	f.home.OnClose(func() error {
		f.memory.mu.Lock()
		defer f.memory.mu.Unlock()
		f.memory.told.close()
		f.memory.told, f.memory.ix, f.memory.foundIn = nil, nil, nil
		return nil
	})
}

// DAGs are those of the DAGs folder that can run, by id. broken says that something in it is in error. The summaries are shared: nobody
// may change them.
func (f *Folder) DAGs() (all []*dag.Summary, broken bool, err error) {
	m := f.memory
	if m == nil {
		ix, err := f.Index()
		if err != nil {
			return nil, false, err
		}
		return ix.DAGs(), ix.HasErrors(), nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.look(f); err != nil {
		return nil, false, err
	}
	return slices.Clone(m.all), m.ix.HasErrors(), nil
}

// Findings are what is wrong with the files of the DAGs folder, in a list of the caller's own.
func (f *Folder) Findings() (dag.Diagnostics, error) {
	m := f.memory
	if m == nil {
		res, err := f.Read()
		return res.Diagnostics, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.look(f); err != nil {
		return nil, err
	}
	if m.foundIn != m.ix {
		res, err := f.Read()
		if err != nil {
			return nil, err
		}
		m.found, m.foundIn = res.Diagnostics, m.ix
	}
	return slices.Clone(m.found), nil
}

// look brings what is remembered up to date.
func (m *memory) look(f *Folder) error {
	cfg, err := f.home.ReadSettings()
	if err != nil {
		return err
	}
	known := m.ix
	if !m.unchanged(cfg.DAGsFolder) || f.home.Clock().Sub(m.at) >= longest {
		m.ix = nil
	}
	if m.ix != nil && !m.ix.Lasts() {
		if m.ix, err = indexed(f, func(o index.Options) (*index.Index, error) { return m.ix.Again(o), nil }); err != nil {
			return err
		}
	}
	if m.ix == nil {
		m.at = f.home.Clock()
		if m.ix, err = f.Index(); err != nil {
			m.ix = nil
			return err
		}
	}
	if m.ix != known {
		m.all = m.ix.DAGs()
	}
	return nil
}

// unchanged reports whether the files are those of the last look, and remembers how they are.
func (m *memory) unchanged(dir string) bool {
	if m.told.quiet() {
		return true
	}
	m.told.close()
	m.told = listen(dir)
	before := m.mark
	var err error
	m.mark, err = fingerprint(dir, m.told.enter)
	return err == nil && m.mark == before
}
