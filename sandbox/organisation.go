package sandbox

import (
	"fmt"
)

// Organisation is what [Server.Seed] fills a sandbox with.
type Organisation struct {
	// CorpID is the id of the organisation. The default is "dingsandboxcorp".
	CorpID string `json:"corp_id,omitempty"`
	// Departments come after their parents. One with the id 1 renames the root.
	Departments []Department `json:"departments,omitempty"`
	Users       []User       `json:"users,omitempty"`
	// Workspaces, Nodes and Workbooks are the knowledge base.
	Workspaces []Workspace `json:"workspaces,omitempty"`
	Nodes      []Node      `json:"nodes,omitempty"`
	Workbooks  []Workbook  `json:"workbooks,omitempty"`
	Templates  []Template  `json:"templates,omitempty"`
}

// Seed adds an organisation to what is there. It stops at the first thing that makes
// no sense; the error names it.
func (s *Server) Seed(o Organisation) error {
	if err := s.seed(o); err != nil {
		return fmt.Errorf("seed the organisation: %w", err)
	}
	return nil
}

func (s *Server) seed(o Organisation) error {
	s.core.SetCorpID(o.CorpID)
	if err := each(o.Departments, s.AddDepartment); err != nil {
		return err
	}
	if err := each(o.Users, addedBy(s.AddUser)); err != nil {
		return err
	}
	if err := each(o.Workspaces, addedBy(s.AddWorkspace)); err != nil {
		return err
	}
	if err := each(o.Nodes, addedBy(s.AddNode)); err != nil {
		return err
	}
	if err := each(o.Workbooks, addedBy(s.AddWorkbook)); err != nil {
		return err
	}
	for _, t := range o.Templates {
		s.AddTemplate(t)
	}
	return nil
}

// each adds all, up to the first error.
func each[T any](all []T, add func(T) error) error {
	for _, one := range all {
		if err := add(one); err != nil {
			return err
		}
	}
	return nil
}

// addedBy drops what comes back of an addition.
func addedBy[T, R any](add func(T) (R, error)) func(T) error {
	return func(one T) error {
		_, err := add(one)
		return err
	}
}
