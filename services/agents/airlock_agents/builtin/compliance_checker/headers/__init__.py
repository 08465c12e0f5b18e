"""Security headers, cookies, origins and transport: of web servers and of applications."""
