// validatorUrl null: the default would send the schema's address to a public validator.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger", deepLinking: true, validatorUrl: null });
