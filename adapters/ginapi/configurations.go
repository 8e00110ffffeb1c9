package ginapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// The paths of configurations.
const (
	collectionPath = basePath + "/config/"
	keyPath        = basePath + "/config/{key}"
	idPath         = basePath + "/config/{config_id}"
)

// routeConfigurations registers all that can be done with configurations.
func (a *API) routeConfigurations() {
	op := a.operation("create-configuration", http.MethodPost, collectionPath, "Create a configuration",
		http.StatusConflict)
	op.DefaultStatus = http.StatusCreated
	register(a, op, a.create)
	register(a, a.operation("list-configurations", http.MethodGet, collectionPath, "List configurations"), a.list)
	a.routeRead()
	register(a, a.operation("update-configuration", http.MethodPut, idPath, "Update a configuration",
		http.StatusNotFound, http.StatusPreconditionFailed), a.update)
	op = a.operation("delete-configuration", http.MethodDelete, idPath, "Delete a configuration",
		http.StatusNotFound, http.StatusPreconditionFailed)
	op.DefaultStatus = http.StatusNoContent
	register(a, op, a.delete)
	register(a, a.operation("list-configuration-history", http.MethodGet, idPath+"/history",
		"List the versions of a configuration, newest first", http.StatusNotFound), a.readHistory)
	register(a, a.operation("roll-back-configuration", http.MethodPost, idPath+"/rollback",
		"Roll a configuration back to an earlier version",
		http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed), a.rollBack)
}

// operation returns an operation on configurations with what all of them share.
// Problems are the failures that are its own.
func (a *API) operation(id, method, path, summary string, problems ...int) huma.Operation {
	problems = append([]int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity,
	}, problems...)
	return huma.Operation{
		OperationID: id,
		Method:      method,
		Path:        path,
		Summary:     summary,
		Tags:        []string{"configurations"},
		Security:    keySecurity(),
		Responses:   a.problemResponses(problems...),
	}
}

// changedOutput is the answer to a write.
type changedOutput struct {
	ETag string `header:"ETag"`
	Body configurationJSON
}
