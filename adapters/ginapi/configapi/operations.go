package configapi

import (
	"net/http"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/domain/access"
)

// The paths of configurations.
const (
	collectionPath = rest.BasePath + "/config/"
	keyPath        = collectionPath + "{key}"
	idPath         = collectionPath + "{config_id}"
)

// API serves the operations of configurations.
type API struct {
	configurations Configurations
	router         *rest.Router
}

// New returns the operations over their use cases.
func New(configurations Configurations) *API { return &API{configurations: configurations} }

// Register adds the operations to a router.
func (a *API) Register(r *rest.Router) {
	a.router = r
	r.DescribeTag(tag, "Values by environment, service and key, with versions, history, rollback and encryption.")
	rest.PrefixSchemas[configurationJSON](r, "Configuration")
	r.Constrain(texts())
	rest.Typed(r, rest.Operation{
		ID: "create-configuration", Example: examples()["create-configuration"],
		Method: http.MethodPost, Path: collectionPath, Tag: tag,
		Summary: "Create a configuration", Action: access.WriteConfiguration,
		Status: http.StatusCreated, Problems: []int{http.StatusConflict},
	}, a.create)
	rest.Typed(r, rest.Operation{
		ID: "list-configurations", Method: http.MethodGet, Path: collectionPath, Tag: tag,
		Summary: "List configurations", Action: access.ReadConfiguration,
		Responses: []rest.Response{rest.JSON[listJSON](http.StatusOK)},
	}, a.list)
	r.Hot(rest.Operation{
		ID: "read-configuration", Method: http.MethodGet, Path: keyPath, Tag: tag,
		Summary: "Read a configuration", Action: access.ReadConfiguration,
		Description: "Answers 304 if If-None-Match has the current ETag. The value of an encrypted " +
			"configuration is shown to callers that may reveal it.",
		Parameters: readParameters(),
		Responses: []rest.Response{
			rest.JSON[configurationJSON](http.StatusOK, "ETag", "Last-Modified", "Signalbox-Stale"),
			{Status: http.StatusNotModified},
		},
		Problems: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.read)
	rest.Typed(r, rest.Operation{
		ID: "update-configuration", Example: examples()["update-configuration"],
		Method: http.MethodPut, Path: idPath, Tag: tag,
		Summary: "Update a configuration", Action: access.WriteConfiguration, Problems: writeProblems(),
	}, a.update)
	rest.Typed(r, rest.Operation{
		ID: "delete-configuration", Method: http.MethodDelete, Path: idPath, Tag: tag,
		Summary: "Delete a configuration", Action: access.WriteConfiguration,
		Status: http.StatusNoContent, Problems: writeProblems(),
	}, a.delete)
	rest.Typed(r, rest.Operation{
		ID: "list-configuration-history", Method: http.MethodGet, Path: idPath + "/history", Tag: tag,
		Summary: "List the versions of a configuration, newest first", Action: access.ReadConfiguration,
		Responses: []rest.Response{rest.JSON[historyJSON](http.StatusOK)},
		Problems:  []int{http.StatusNotFound, http.StatusConflict},
	}, a.readHistory)
	rest.Typed(r, rest.Operation{
		ID: "roll-back-configuration", Example: examples()["roll-back-configuration"],
		Method: http.MethodPost, Path: idPath + "/rollback", Tag: tag,
		Summary: "Roll a configuration back to an earlier version", Action: access.WriteConfiguration,
		Problems: writeProblems(),
	}, a.rollBack)
}

const tag = "configurations"

func writeProblems() []int {
	return []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed}
}
