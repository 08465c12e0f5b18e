module storefront/warehouse

go 1.21

require (
	github.com/gin-gonic/gin v1.9.1
	golang.org/x/text v0.3.7
)
