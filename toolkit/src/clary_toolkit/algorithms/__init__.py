"""Built-in algorithms: training and serving for requests that name no entry point.

xgboost_training     the `train` command of the XGBoost image without a script
xgboost_parameters   its hyperparameters: texts to their types
xgboost_data         its channels: CSV, LIBSVM, Parquet and recordio-protobuf files
recordio             recordio-protobuf itself, read and written
xgboost_serving      its handlers; the model server takes this module in place of the user's

Frameworks are imported by name and only when a job really needs them.
"""
