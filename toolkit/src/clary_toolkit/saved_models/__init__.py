"""Serving TensorFlow's SavedModels: the answers of TensorFlow Serving's REST interface, without its program.

handlers     what a request of the model server becomes: the user's handlers, or the models directly
folders      which models a model folder holds
loading      from folders to signatures that can be called
addresses    which model, version and method a request means
documents    bodies of every media type as one request document
answers      a request document to a model's answer, failures included
tensors      JSON to arrays and back
examples     classify and regress
rest         the same answers over HTTP, for handlers that ask `context.rest_uri`

TensorFlow and numpy belong to the user's environment: they are imported by name, once a model is loaded.
"""
