// Package wiki is the knowledge base: spaces, nodes, documents, and the worksheets and
// cells of workbooks.
package wiki

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

// Workspace is a space of the knowledge base.
type Workspace struct {
	// ID is made up when it is empty.
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	TeamID      string `json:"team_id,omitempty"`
	// RootNodeID is the parent of what lies at the top. It is made up when it is empty.
	RootNodeID string `json:"root_node_id"`
	// Creator is a user id.
	Creator string `json:"creator"`
	// Members are the user ids of those who may come in besides the creator. Nil means everyone.
	Members []string `json:"members"`
	// Personal spaces hold somebody's own documents and are in no list.
	Personal bool      `json:"personal,omitempty"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
}

// Node is a folder, document or workbook.
type Node struct {
	// ID is the dentryUuid: 32 letters and digits. It is what all calls but the
	// deletion take, and a workbook's id, too. It is made up when it is empty.
	ID string `json:"id"`
	// ShortID is the old id that the creation calls nodeId and the deletion takes.
	ShortID     string `json:"short_id"`
	WorkspaceID string `json:"workspace_id"`
	// ParentID is a node or the space's root, which is the default.
	ParentID string `json:"parent_id"`
	// Name has no extension.
	Name string `json:"name"`
	// Extension is "adoc" for text, "axls" for a workbook, "able" for a
	// multi-dimensional table, "amind" for a mind map; empty for a folder.
	Extension string `json:"extension,omitempty"`
	// Creator and Modifier are user ids.
	Creator  string    `json:"creator"`
	Modifier string    `json:"modifier"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	// Deleted nodes are remembered, since a deletion tells them from unknown ones.
	Deleted bool `json:"deleted,omitempty"`
}

// Template is a document template.
type Template struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// DocType is DOC, WORKBOOK or MIND.
	DocType string `json:"doc_type"`
	// Type is public_template, team_template or user_template.
	Type        string `json:"type"`
	WorkspaceID string `json:"workspace_id,omitempty"`
}

const workbookExtension = "axls"

// nodeState is a node and what is in it.
type nodeState struct {
	Node

	book *grid.Book // of workbooks alone
	// ready is when a workbook that was just made can be used.
	ready time.Time
}

// Service answers the calls of the knowledge base and its workbooks.
type Service struct {
	core *core.Core
	// start is how long a workbook that doc.create made answers that it is still initialising.
	start     time.Duration
	spaces    []*Workspace
	nodes     []*nodeState
	templates []*Template
}

// New adds the calls, the routes and the view of the knowledge base to a core.
func New(c *core.Core, workbookStart time.Duration) *Service {
	s := &Service{core: c, start: workbookStart}
	for _, endpoints := range [][]core.Endpoint{
		s.workspaceCalls(), s.nodeCalls(), s.docCalls(), s.worksheetCalls(), s.lineCalls(), s.rangeCalls(),
	} {
		c.ServeEndpoints(endpoints...)
	}
	c.API("GET /sandbox/api/workspaces", core.APIList("workspaces", s.Workspaces))
	c.API("POST /sandbox/api/workspaces", core.APIAdd(func(w Workspace) (any, error) { return s.AddWorkspace(w) }))
	c.API("GET /sandbox/api/nodes", core.APIList("nodes", s.Nodes))
	c.API("POST /sandbox/api/nodes", core.APIAdd(func(n Node) (any, error) { return s.AddNode(n) }))
	c.API("POST /sandbox/api/workbooks", core.APIAdd(func(w Workbook) (any, error) { return s.AddWorkbook(w) }))
	c.API("GET /sandbox/api/workbooks/{id}", func(r *http.Request) (any, error) {
		sheets, err := s.Sheets(r.PathValue("id"))
		return core.Object{"sheets": core.NotNil(sheets)}, err
	})
	c.View(core.View{Name: "sheets", Title: "Sheets", Draw: s.draw})
	return s
}

func (s *Service) space(id string) *Workspace {
	return core.Find(s.spaces, func(o *Workspace) bool { return o.ID == id })
}

func (s *Service) node(id string) *nodeState {
	return core.Find(s.nodes, func(o *nodeState) bool { return o.ID == id && !o.Deleted })
}

// children lists what lies right below a node or a root.
func (s *Service) children(id string) []*nodeState {
	return slices.DeleteFunc(slices.Clone(s.nodes), func(o *nodeState) bool { return o.ParentID != id || o.Deleted })
}

// The roles of people in a space.
const (
	roleOwner  = "OWNER"
	roleEditor = "EDITOR"
	roleNone   = "NONE"
)

func (w *Workspace) role(userID string) string {
	switch {
	case w.Creator == userID:
		return roleOwner
	case !w.Personal && (w.Members == nil || slices.Contains(w.Members, userID)):
		return roleEditor
	default:
		return roleNone
	}
}

// AddWorkspace adds a space and returns it with its ids. The error wraps [core.ErrExists] or,
// for an unknown creator, [core.ErrNotFound].
func (s *Service) AddWorkspace(w Workspace) (Workspace, error) {
	s.core.Lock()
	defer s.core.Unlock()
	added, err := s.addWorkspace(w)
	if err != nil {
		return Workspace{}, err
	}
	return *added, nil
}

func (s *Service) addWorkspace(w Workspace) (*Workspace, error) {
	w.ID = cmp.Or(w.ID, s.core.Code(16))
	w.RootNodeID = cmp.Or(w.RootNodeID, s.core.Code(32))
	w.Created = s.core.Now()
	w.Modified = w.Created
	w.Members = slices.Clone(w.Members)
	if s.space(w.ID) != nil {
		return nil, fmt.Errorf("add workspace %q: id %q %w", w.Name, w.ID, core.ErrExists)
	}
	if s.core.People.User(w.Creator) == nil {
		return nil, fmt.Errorf("add workspace %q: creator %q %w", w.Name, w.Creator, core.ErrNotFound)
	}
	s.spaces = append(s.spaces, &w)
	s.core.Touch()
	return &w, nil
}

// AddNode adds a folder, document or workbook and returns it with its ids. The creator
// of the space is the default for Creator. A workbook has one empty sheet, "Sheet1". The
// error wraps [core.ErrExists] or [core.ErrNotFound], or says what is wrong with the id.
func (s *Service) AddNode(n Node) (Node, error) {
	s.core.Lock()
	defer s.core.Unlock()
	added, err := s.addNode(n)
	if err != nil {
		return Node{}, err
	}
	return added.Node, nil
}

var nodeIDForm = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)

func (s *Service) addNode(n Node) (*nodeState, error) {
	space := s.space(n.WorkspaceID)
	if space == nil {
		return nil, fmt.Errorf("add node %q: workspace %q %w", n.Name, n.WorkspaceID, core.ErrNotFound)
	}
	n.ID, n.ShortID = cmp.Or(n.ID, s.core.Code(32)), cmp.Or(n.ShortID, s.core.Code(8))
	n.ParentID = cmp.Or(n.ParentID, space.RootNodeID)
	n.Creator = cmp.Or(n.Creator, space.Creator)
	n.Modifier = n.Creator
	n.Created = s.core.Now()
	n.Modified = n.Created
	switch {
	case !nodeIDForm.MatchString(n.ID):
		return nil, fmt.Errorf("add node %q: id %q must be 32 letters and digits", n.Name, n.ID)
	case s.node(n.ID) != nil:
		return nil, fmt.Errorf("add node %q: id %q %w", n.Name, n.ID, core.ErrExists)
	case n.ParentID != space.RootNodeID && s.node(n.ParentID) == nil:
		return nil, fmt.Errorf("add node %q: parent %q %w", n.Name, n.ParentID, core.ErrNotFound)
	}
	state := &nodeState{Node: n}
	if n.Extension == workbookExtension {
		state.book = grid.NewBook("st-" + strings.ToLower(n.ID[:7]) + "-")
	}
	s.nodes = append(s.nodes, state)
	s.core.Touch()
	return state, nil
}

// AddTemplate adds a document template.
func (s *Service) AddTemplate(t Template) {
	s.core.Lock()
	defer s.core.Unlock()
	s.templates = append(s.templates, &t)
}

// Workspaces lists the spaces in the order they came.
func (s *Service) Workspaces() []Workspace {
	s.core.Lock()
	defer s.core.Unlock()
	return core.Values(s.spaces)
}

// Nodes lists all nodes in the order they came, deleted ones, too.
func (s *Service) Nodes() []Node {
	s.core.Lock()
	defer s.core.Unlock()
	out := make([]Node, len(s.nodes))
	for i, n := range s.nodes {
		out[i] = n.Node
	}
	return out
}

const nodeURL = "https://alidocs.dingtalk.com/i/nodes/"

// minuteLayout is how the knowledge base writes times. It is no RFC 3339.
const minuteLayout = "2006-01-02T15:04Z07:00"

func (s *Service) wireSpace(w *Workspace, userID string, withRole bool) core.Object {
	kind := "TEAM"
	if w.Personal {
		kind = "PERSONAL"
	}
	out := core.Object{
		"workspaceId": w.ID, "corpId": s.core.CorpID, "rootNodeId": w.RootNodeID, "name": w.Name, "type": kind,
		"description": w.Description, "url": "https://alidocs.dingtalk.com/i/spaces/" + url.PathEscape(w.ID) + "/overview",
		"icon": core.Object{"type": "EMOJI", "value": "1f4d3"}, "cover": "", "creatorId": w.Creator, "modifierId": w.Creator,
		"createTime": w.Created.Format(minuteLayout), "modifiedTime": w.Modified.Format(minuteLayout),
	}
	if w.TeamID != "" {
		out["teamId"] = w.TeamID
	}
	if withRole {
		out["permissionRole"] = w.role(userID)
	}
	return out
}

func (s *Service) wireNode(n *nodeState, userID string, withRole, withStatistics bool) core.Object {
	kind, name := "FOLDER", n.Name
	if n.Extension != "" {
		kind, name = "FILE", n.Name+"."+n.Extension
	}
	out := core.Object{
		"nodeId": n.ID, "workspaceId": n.WorkspaceID, "name": name, "size": 512, "type": kind, "category": "ALIDOC",
		"url": nodeURL + n.ID, "creatorId": n.Creator, "modifierId": n.Modifier,
		"createTime": n.Created.Format(minuteLayout), "modifiedTime": n.Modified.Format(minuteLayout),
		"createTimestamp": n.Created.UnixMilli(), "modifiedTimestamp": n.Modified.UnixMilli(),
		"hasChildren": len(s.children(n.ID)) > 0,
	}
	if n.Extension != "" {
		out["extension"] = n.Extension
	}
	if withStatistics {
		out["statisticalInfo"] = core.Object{"wordCount": 0}
	}
	if withRole {
		out["permissionRole"] = s.space(n.WorkspaceID).role(userID)
	}
	return out
}
