"""Built-in algorithms: training and serving for requests that name no entry point.

xgboost_training     the `train` command of the XGBoost image without a script
xgboost_parameters   its hyperparameters: texts to their types
xgboost_metrics      the metrics that the image adds to XGBoost's own
xgboost_data         its channels: CSV, LIBSVM, Parquet and recordio-protobuf files
recordio             recordio-protobuf itself, read and written
xgboost_serving      its handlers; the model server takes this module in place of the user's

kmeans, linear_learner, pca, knn, random_cut_forest   one algorithm each: hyperparameters, training, serving
hyperparameters      what a table of them means: types, limits, refusals
tables               rows of numbers out of CSV, recordio-protobuf and JSON
job                  the frame of a training job: channels in, model file out
progress             the lines that it logs
exchange             requests and answers of their model servers
linear_losses, linear_fitting, linear_steps, linear_scores   the parts of the linear learner
cut_trees            the forest of Random Cut Forest

Frameworks are imported by name and only when a job really needs them.
"""
