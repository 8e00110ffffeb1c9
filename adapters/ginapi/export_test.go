package ginapi

import "github.com/gin-gonic/gin"

// Routes returns what gin serves.
func (a *API) Routes() gin.RoutesInfo { return a.engine.Routes() }
