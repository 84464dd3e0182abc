package sandbox

import (
	"cmp"
	"fmt"
)

// defaultCorpID is the organisation of a sandbox that was told no other.
const defaultCorpID = "dingsandboxcorp"

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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corpID = cmp.Or(o.CorpID, s.corpID)
	for _, d := range o.Departments {
		if err := s.addDepartment(d); err != nil {
			return fmt.Errorf("seed the organisation: %w", err)
		}
	}
	for _, u := range o.Users {
		if _, err := s.addUser(u); err != nil {
			return fmt.Errorf("seed the organisation: %w", err)
		}
	}
	return s.seedWiki(o)
}

func (s *Server) seedWiki(o Organisation) error {
	for _, w := range o.Workspaces {
		if _, err := s.addWorkspace(w); err != nil {
			return fmt.Errorf("seed the organisation: %w", err)
		}
	}
	for _, n := range o.Nodes {
		if _, err := s.addNode(n); err != nil {
			return fmt.Errorf("seed the organisation: %w", err)
		}
	}
	for _, w := range o.Workbooks {
		if _, err := s.addWorkbook(w); err != nil {
			return fmt.Errorf("seed the organisation: %w", err)
		}
	}
	for _, t := range o.Templates {
		s.wiki.templates = append(s.wiki.templates, &t)
	}
	return nil
}
